"""The work behind scripts/demo.sh: start the account, send one video through it, show what came out."""

import subprocess
import sys
import tempfile
import time
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from scripts.account import clean_up_on_sigterm, use_account
from scripts.comparison import compare
from scripts.sample_media import make_clip
from videobatch.pipeline import JobNotFinished, JobRecord, Pipeline
from videobatch.watermark_file import WatermarkFile
from worker.errors import WatermarkError
from worker.watermark import IMAGE_SUFFIXES, no_watermark_file

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "out"
EMULATOR = str(ROOT / "scripts" / "emulator.sh")
JOB_TIMEOUT_SECONDS = 4 * 3600

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


def read_arguments(argv: list[str]) -> tuple[Path | None, WatermarkFile | None]:
    """Check the command line before anything is started.

    Raises:
        DemoError: a file is missing or of no use here.
        WatermarkError: the worker would refuse the watermark.
    """
    if len(argv) > 2:
        raise DemoError("give at most a video and a watermark; see scripts/demo.sh --help")
    files = [Path(argument) for argument in argv]
    for file in files:
        _require_readable(file)
    video, watermark = [*files, None, None][:2]
    if video and video.suffix.lower() != ".mp4":
        raise DemoError(f"{video.name} is not an .mp4 file; the pipeline watches for .mp4 uploads only")
    for made in result_files(video) if video else ():
        if made.exists() and not made.is_file():
            raise DemoError(f"{made} is where the result would go, and no ordinary file")
        if made.exists() and any(made.samefile(file) for file in files):
            raise DemoError(
                f"{made.relative_to(ROOT)} would be overwritten by its own result; move it out of out/ first"
            )
    if watermark and watermark.suffix.lower() not in (*IMAGE_SUFFIXES, ".json"):
        raise DemoError(no_watermark_file(watermark.name))
    return video, WatermarkFile.read(watermark) if watermark else None


def _require_readable(file: Path) -> None:
    try:
        str(file).encode()
    except UnicodeEncodeError:
        raise DemoError(f"the name {str(file)!r} is not UTF-8, as the names of uploads are; rename it first") from None
    if file.is_dir():
        raise DemoError(f"{file} is a folder; name a file in it")
    if not file.is_file():
        raise DemoError(f"there is no file {file}")
    try:
        with file.open("rb") as content:
            content.read(1)
    except OSError as error:
        raise DemoError(f"{file} cannot be read: {error.strerror}") from None


def make_out_folder() -> None:
    """Make the folder of the results.

    Raises:
        DemoError: no file can be made in it.
    """
    try:
        OUT.mkdir(exist_ok=True)
        tempfile.TemporaryFile(dir=OUT).close()
    except OSError as error:
        raise DemoError(f"nothing can be written to {OUT}: {error.strerror}") from None


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
    with (
        console.status("Starting S3, Lambda, Step Functions and ECS on this machine ..."),
        subprocess.Popen([EMULATOR, "up"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as up,
    ):
        try:
            lines, messages = up.communicate()
        except BaseException:
            up.terminate()  # not killed: it takes down what it has started
            raise
    if up.returncode:
        raise DemoError(messages.strip())
    use_account(lines)


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


def show_result(record: JobRecord, files: list[Path], stopwatch: Stopwatch) -> None:
    """Print where the results are and how long each step took."""
    console.print(f"Job {record['job_id']}", soft_wrap=True, highlight=False, markup=False)
    table = Table("step", "seconds")
    for step, seconds in stopwatch.steps.items():
        table.add_row(step, f"{seconds:.1f}")
        if step == "pipeline":
            for phase, taken in record["timings"].items():
                table.add_row(f"  {phase.lower()}", f"{taken:.1f}", style="dim")
    console.print(table)
    for note in record.get("notes", []):
        console.print(f"note: {note}", soft_wrap=True, highlight=False, markup=False)
    for file in files:
        console.print(str(file), soft_wrap=True, highlight=False, markup=False)


def show_failure(record: JobRecord) -> None:
    """Print the job's own error."""
    error = record["error"] or {"code": record["state"], "message": "The job ended without a result.", "hint": ""}
    Console(stderr=True).print(
        f"{error['code']}: {error['message']}\n{error['hint']}", highlight=False, soft_wrap=True, markup=False
    )


def run(video: Path | None, watermark: WatermarkFile | None) -> int:
    """Do all of it; 0 if the watermarked video was written, 1 if the job failed."""
    stopwatch = Stopwatch()
    make_out_folder()
    start_account()
    stopwatch.lap("start the account")
    with tempfile.TemporaryDirectory() as scratch:
        if video is None:
            video = Path(scratch) / "sample.mp4"
            with console.status("Making a clip ..."):
                make_clip(video)
            stopwatch.lap("make a clip")
        pipeline = Pipeline.of_stack()
        metadata = watermark.put(pipeline) if watermark else {}
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
        compare(video, result, picture, watermark.overlays if watermark else ())
    show_result(record, [result, picture], stopwatch)
    return 0


def main() -> int:
    """Run the demo; errors are one sentence on standard error."""
    clean_up_on_sigterm()
    try:
        return run(*read_arguments(sys.argv[1:]))
    except WatermarkError as error:
        problem = f"{error.code}: {error.message}\n{error.hint}"
    except (DemoError, JobNotFinished) as error:
        problem = str(error)
    except OSError as error:
        problem = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    Console(stderr=True).print(f"demo.sh: {problem}", highlight=False, soft_wrap=True, markup=False)
    return 1


if __name__ == "__main__":
    sys.exit(main())
