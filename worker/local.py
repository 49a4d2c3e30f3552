"""The same work on files: no storage, no job record."""

import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from worker import watermark as watermarks
from worker.errors import ConfigurationInvalid, DiskFull, SourceGone, WatermarkNotFound
from worker.sandbox import EngineResult, run_engine


def run_local(
    source: Path, output: Path, watermark: Path, progress: Callable[[str, float], None], profile: str = "balanced"
) -> EngineResult:
    """Watermark a file. `output` appears only when the whole video is there and verified.

    Args:
        source: An mp4 or mov file.
        output: Replaced if it exists.
        watermark: An image, or a JSON file whose images lie below its own folder.
        progress: Called with a phase and the share of it that is done, 0 to 1.

    Raises:
        WatermarkError
    """
    source, output = source.absolute(), output.absolute()
    if not source.is_file():
        raise SourceGone(f"There is no file {source}.", "Correct the path of the input.")
    if output.exists() and output.samefile(source):
        raise ConfigurationInvalid("The output is the input itself.", "Give the output another name.")
    if output.exists() and (not output.is_file() or (watermark.is_file() and output.samefile(watermark))):
        raise ConfigurationInvalid(
            f"The output {output} is the watermark, or no ordinary file.", "Give the output another name."
        )
    if not output.parent.is_dir():
        raise ConfigurationInvalid(f"There is no folder {output.parent}.", "Create it, or correct the output's path.")
    document, images = _read_watermark(watermark)
    if any(output.exists() and output.samefile(image) for image in images.values()):
        raise ConfigurationInvalid("The output is one of the watermark's images.", "Give the output another name.")
    partial = output.parent / f".{output.name[:100]}.{secrets.token_hex(4)}.partial"
    try:
        with source.open("rb") as file:
            result = run_engine(file, partial, document, watermark.name, images, progress, profile)
        _replace(partial, output)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(f"There is no room for the result in {output.parent}.") from error
        raise ConfigurationInvalid(f"{error.strerror}: {error.filename}.", "Correct the path.") from error
    finally:
        partial.unlink(missing_ok=True)
    return result


def _read_watermark(path: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """Return the watermark's document and the files of its images."""
    if not path.is_file():
        raise WatermarkNotFound(f"There is no watermark file {path}.", "Correct the path given with --watermark.")
    if path.suffix.lower() in watermarks.IMAGE_SUFFIXES:
        return watermarks.for_image("watermark" + path.suffix.lower()), {"watermark" + path.suffix.lower(): path}
    document = watermarks.parse_document(path.read_bytes(), path.name)
    images = {name: path.parent / name for name in watermarks.validate(document, path.name).images()}
    for name, image in images.items():
        if not image.is_file():
            raise WatermarkNotFound(
                f"The watermark {path.name} names the image {name}, but there is no file {image}.",
                "Put the image beside the JSON file.",
            )
    return document, images


def _replace(partial: Path, output: Path) -> None:
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.replace(output)
