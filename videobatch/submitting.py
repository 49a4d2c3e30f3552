"""Videos go up: what is wrong with them or their watermark is said before the first byte has left."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from videobatch.errors import FileUnusable
from videobatch.pipeline import Pipeline
from worker.engine.profiles import DEFAULT
from worker.errors import WatermarkInvalid
from worker.selection import ChosenWatermark, choose_profile, choose_watermark, fetch_images
from worker.settings import Settings
from worker.storage import Storage
from worker.trial import check_watermark

SUFFIXES = (".mp4", ".MP4")  # for which the template has notifications


@dataclass(frozen=True)
class Submission:
    """One file and what it is called below the upload prefix."""

    file: Path
    name: str


def plan(files: Sequence[Path], folder: str) -> list[Submission]:
    """Return what would be uploaded as what.

    Args:
        folder: Below the upload prefix; empty for none. The first folder can select the watermark.

    Raises:
        FileUnusable: A file is missing or no .mp4, or two would have the same name.
    """
    folder = folder.strip("/")
    found: dict[str, Submission] = {}
    for file in files:
        _require_video(file)
        # Most clients send names composed; some file systems hand them out decomposed.
        name = (f"{folder}/" if folder else "") + unicodedata.normalize("NFC", file.name)
        if name in found:
            raise FileUnusable(
                f"{file} and {found[name].file} would both be uploaded as {name}.", "Rename one, or give --folder."
            )
        found[name] = Submission(file, name)
    return list(found.values())


def _require_video(file: Path) -> None:
    try:
        str(file).encode()
    except UnicodeEncodeError:
        raise FileUnusable(f"The name {str(file)!r} is not UTF-8, as the names of uploads are.", "Rename it.") from None
    if file.is_dir():
        raise FileUnusable(f"{file} is a folder.", "Name the videos in it.")
    if not file.is_file():
        raise FileUnusable(f"There is no file {file}.", "Correct the path.")
    if file.suffix not in SUFFIXES:
        raise FileUnusable(
            f"{file.name} does not end in .mp4; the pipeline takes no other uploads.", "Convert or rename it."
        )
    with file.open("rb") as content:
        content.read(1)


def check_choice(pipeline: Pipeline, name: str, metadata: Mapping[str, str]) -> str:
    """Choose the watermark as the worker will, and check it as far as that goes without the video.

    Args:
        name: That of the upload.

    Returns:
        The name of the watermark's file.

    Raises:
        WatermarkError: What the job would end with.
    """
    for field, value in metadata.items():
        if not (value.isascii() and value.isprintable()):
            raise WatermarkInvalid(
                f"The metadata {field} can be plain ASCII only, and is {value!r}.",
                "Rename the watermark, or put the setting into its JSON file.",
            )
    choose_profile(_settings(pipeline, name), metadata)
    with TemporaryDirectory() as folder:
        chosen, images = fetch_choice(pipeline, name, metadata, folder)
        check_watermark(chosen.document, chosen.name, images)
    return chosen.name


def fetch_choice(
    pipeline: Pipeline, name: str, metadata: Mapping[str, str], folder: str
) -> tuple[ChosenWatermark, dict[str, Path]]:
    """Return the watermark that the worker would choose for an upload, and its images as files in a folder.

    Raises:
        WatermarkError
    """
    storage, settings = Storage(pipeline.bucket, pipeline.s3), _settings(pipeline, name)
    chosen = choose_watermark(storage, settings, metadata)
    return chosen, fetch_images(storage, settings, chosen, Path(folder))


def _settings(pipeline: Pipeline, name: str) -> Settings:
    """Return the worker's settings for an upload that does not exist yet."""
    outputs = pipeline.outputs
    return Settings(
        bucket=pipeline.bucket,
        upload_prefix=outputs["UploadPrefix"],
        watermark_prefix=outputs["WatermarkPrefix"],
        result_prefix=outputs["ResultPrefix"],
        job_prefix=outputs["JobPrefix"],
        job_id="",
        source_key=pipeline.upload_key(name),
        source_version_id=None,
        source_etag="",
        attempt=1,
        profile=DEFAULT,
    )
