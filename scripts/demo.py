"""The work behind scripts/demo.sh: start the account, send one video through it, show what came out."""

import json
import subprocess
import sys
import tempfile
import time
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from scripts.account import use_account
from scripts.pipeline import JobNotFinished, JobRecord, Pipeline
from scripts.sample_media import make_clip

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "out"
EMULATOR = str(ROOT / "scripts" / "emulator.sh")
JOB_TIMEOUT_SECONDS = 4 * 3600
PICTURE_WIDTH = 960  # pixels, of each half of the comparison
PICTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
WATERMARK_NAME = "demo"

console = Console()


class DemoError(Exception):
    """What was asked for cannot be done; the message is for the user."""


@dataclass
class Stopwatch:
    """How long each step took, in seconds."""

    steps: dict[str, float] = field(default_factory=dict)
    _started: float = field(default_factory=time.monotonic)

    def lap(self, step: str) -> None:
        now = time.monotonic()
        self.steps[step] = now - self._started
        self._started = now


def read_arguments(argv: list[str]) -> tuple[Path | None, Path | None]:
    """Check the command line before anything is started.

    Raises:
        DemoError: a file is missing or of no use here.
    """
    if len(argv) > 2:
        raise DemoError("give at most a video and a watermark; see scripts/demo.sh --help")
    files = [Path(argument) for argument in argv]
    for file in files:
        if not file.is_file():
            raise DemoError(f"there is no file {file}")
    video, watermark = [*files, None, None][:2]
    if video and video.suffix.lower() != ".mp4":
        raise DemoError(f"{video.name} is not an .mp4 file; the pipeline watches for .mp4 uploads only")
    for made in result_files(video) if video else ():
        if made.exists() and any(made.samefile(file) for file in files):
            raise DemoError(
                f"{made.relative_to(ROOT)} would be overwritten by its own result; move it out of out/ first"
            )
    if watermark and watermark.suffix.lower() not in PICTURE_SUFFIXES | {".json"}:
        raise DemoError(f"{watermark.name} is neither a picture (.png, .jpg, .webp) nor a .json description")
    return video, watermark


def upload_name(video: Path) -> str:
    """The video's name as most clients send it: some file systems hand names out decomposed."""
    return unicodedata.normalize("NFC", video.name)


def result_files(video: Path) -> tuple[Path, Path]:
    """Where the watermarked video and the picture of one frame before and after are written."""
    result = OUT / upload_name(video)
    return result, result.with_suffix(".png")


def start_account() -> None:
    """Bring the account up and make this process's SDK clients use it.

    Raises:
        DemoError: it does not start; its own message says why.
    """
    with console.status("Starting S3, Lambda, Step Functions and ECS on this machine ..."):
        answer = subprocess.run([EMULATOR, "up"], check=False, capture_output=True, text=True)
    if answer.returncode:
        raise DemoError(answer.stderr.strip())
    use_account(answer.stdout)


def upload_watermark(pipeline: Pipeline, watermark: Path) -> dict[str, str]:
    """Store a watermark with the pictures it names, and return the upload metadata that selects it.

    Raises:
        DemoError: the JSON names a picture that does not lie beside it.
    """
    if watermark.suffix.lower() != ".json":
        if watermark.suffix.lower() == ".png":
            pipeline.put_watermark(watermark, f"{WATERMARK_NAME}.png")
        else:
            picture = f"{WATERMARK_NAME}{watermark.suffix.lower()}"
            pipeline.put_watermark(watermark, picture)
            _put_json(pipeline, {"overlays": [{"image": picture}]})
        return {"watermark": WATERMARK_NAME}
    for image in _images_of(watermark):
        beside = watermark.parent / image
        if not beside.is_file():
            raise DemoError(f"{watermark.name} names {image}, which is not beside it")
        pipeline.put_watermark(beside, image)
    pipeline.put_watermark(watermark, f"{WATERMARK_NAME}.json")
    return {"watermark": WATERMARK_NAME}


def _images_of(watermark: Path) -> list[str]:
    """The pictures that a description names; whether the rest of it is right is for the worker to say."""
    try:
        content: Any = json.loads(watermark.read_text())
        overlays = content["overlays"]
        return [overlay["image"] for overlay in overlays if isinstance(overlay.get("image"), str)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _put_json(pipeline: Pipeline, content: dict[str, Any]) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(content, file)
        file.flush()
        pipeline.put_watermark(Path(file.name), f"{WATERMARK_NAME}.json")


def follow_job(pipeline: Pipeline, version_id: str) -> JobRecord:
    """Show a bar with the job's phase and percent until it has ended."""
    columns = (TextColumn("{task.description:<11}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    record: JobRecord = {}
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("QUEUED", total=100)
        for record in pipeline.follow(version_id, timeout=JOB_TIMEOUT_SECONDS, poll=0.3):
            progress.update(bar, description=record["phase"] or record["state"], completed=record["percent"])
        progress.update(bar, description=record["state"])
    return record


def compare(before: Path, after: Path, target: Path) -> None:
    """Write one picture with the frame in the middle of both videos, side by side."""
    halves = [(_middle_frame(before), "before"), (_middle_frame(after), "after")]
    height = max(picture.height for picture, _ in halves)
    sheet = Image.new("RGB", (sum(picture.width for picture, _ in halves) + 12, height + 44), "white")
    draw = ImageDraw.Draw(sheet)
    left = 0
    for picture, label in halves:
        sheet.paste(picture, (left, 44))
        draw.text((left + 12, 8), label, font=ImageFont.load_default(size=24), fill="black")
        left += picture.width + 12
    sheet.save(target)


def _middle_frame(video: Path) -> Image.Image:
    with av.open(str(video)) as source:
        stream = source.streams.video[0]
        middle = (source.duration or 0) / av.time_base / 2 + (stream.start_time or 0) * float(stream.time_base or 0)
        frames = source.decode(stream)
        frame = next(frames)
        for frame in frames:
            if frame.time is not None and frame.time >= middle:
                break
        picture: Image.Image = frame.to_image()
        aspect = stream.sample_aspect_ratio
        if aspect:
            picture = picture.resize((round(picture.width * aspect), picture.height))
        picture = picture.rotate(frame.rotation, expand=True)
        if picture.width > PICTURE_WIDTH:
            picture = picture.resize((PICTURE_WIDTH, round(picture.height * PICTURE_WIDTH / picture.width)))
        return picture


def show_result(record: JobRecord, files: list[Path], stopwatch: Stopwatch) -> None:
    """Print where the results are and how long each step took."""
    console.print(f"Job {record['job_id']}", highlight=False)
    table = Table("step", "seconds")
    for step, seconds in stopwatch.steps.items():
        table.add_row(step, f"{seconds:.1f}")
        if step == "pipeline":
            for phase, taken in record["timings"].items():
                table.add_row(f"  {phase.lower()}", f"{taken:.1f}", style="dim")
    console.print(table)
    for note in record.get("notes", []):
        console.print(f"note: {note}", highlight=False, markup=False)
    for file in files:
        console.print(str(file), soft_wrap=True, highlight=False, markup=False)


def show_failure(record: JobRecord) -> None:
    """Print the job's own error."""
    error = record["error"] or {"code": record["state"], "message": "The job ended without a result.", "hint": ""}
    Console(stderr=True).print(
        f"{error['code']}: {error['message']}\n{error['hint']}", highlight=False, soft_wrap=True, markup=False
    )


def run(video: Path | None, watermark: Path | None) -> int:
    """Do all of it; 0 if the watermarked video was written, 1 if the job failed."""
    stopwatch = Stopwatch()
    OUT.mkdir(exist_ok=True)
    start_account()
    stopwatch.lap("start the account")
    with tempfile.TemporaryDirectory() as scratch:
        if video is None:
            video = Path(scratch) / "sample.mp4"
            with console.status("Making a clip ..."):
                make_clip(video)
            stopwatch.lap("make a clip")
        pipeline = Pipeline.of_stack()
        metadata = upload_watermark(pipeline, watermark) if watermark else {}
        name = upload_name(video)
        version_id = pipeline.upload(video, name, metadata)
        stopwatch.lap("upload")
        record = follow_job(pipeline, version_id)
        stopwatch.lap("pipeline")
        if record["state"] != "SUCCEEDED":
            show_failure(record)
            return 1
        result, picture = result_files(video)
        pipeline.fetch(name, result)
        stopwatch.lap("download")
        compare(video, result, picture)
    show_result(record, [result, picture], stopwatch)
    return 0


def main() -> int:
    """Run the demo; errors are one sentence on standard error."""
    try:
        return run(*read_arguments(sys.argv[1:]))
    except (DemoError, JobNotFinished) as error:
        Console(stderr=True).print(f"demo.sh: {error}", highlight=False, soft_wrap=True, markup=False)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
