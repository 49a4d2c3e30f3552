"""The same work on files: no storage, no job record."""

import errno
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from worker import watermark as watermarks
from worker.errors import ConfigurationInvalid, DiskFull, SourceGone, WatermarkInvalid, WatermarkNotFound
from worker.resources import available
from worker.sandbox import EngineResult, run_engine

OUTPUT_SUFFIX = ".mp4"
ANOTHER_NAME = "Give the output another name."


def run_local(
    source: Path,
    output: Path,
    watermark: Path,
    progress: Callable[[str, float], None],
    profile: str = "balanced",
    smart: bool = True,
) -> EngineResult:
    """Watermark a file. `output` appears only when the whole video is there and verified.

    Args:
        source: An mp4 or mov file.
        output: Ends in .mp4; replaced if it exists. Where a symbolic link leads is replaced, not the link.
        watermark: An image, or a JSON file whose images lie below its own folder.
        progress: Called with a phase and the share of it that is done, 0 to 1.
        smart: Whether parts of the picture that the watermark does not touch may be copied.

    Raises:
        WatermarkError
    """
    try:
        target = _checked_target(source, output)
        document, images = read_watermark(watermark)
        if target.exists() and any(target.samefile(file) for file in (watermark, *images.values())):
            raise ConfigurationInvalid("The output is the watermark or one of its images.", ANOTHER_NAME)
        with _partial_file(target) as partial:
            with source.open("rb") as file:
                result = run_engine(
                    file, partial, document, watermark.name, images, progress, available(), profile, smart
                )
            _replace(partial, target)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DiskFull(f"There is no room for the result in {output.parent}.") from error
        raise ConfigurationInvalid(f"{error.strerror}: {error.filename}.", "Correct the path.") from error
    return result


def _checked_target(source: Path, output: Path) -> Path:
    """Return where the result really goes, which is where a symbolic link leads."""
    for path, what in ((source, "input"), (output, "output")):
        if path.is_dir():
            raise ConfigurationInvalid(f"The {what} {path} is a folder.", "Name a file in it.")
    if not source.is_file():
        raise SourceGone(f"There is no file {source}.", "Correct the path of the input.")
    if output.suffix.lower() != OUTPUT_SUFFIX:
        raise ConfigurationInvalid(f"The output {output} does not end in {OUTPUT_SUFFIX}.", ANOTHER_NAME)
    target = output.resolve()
    if target.exists() and target.samefile(source):
        raise ConfigurationInvalid("The output is the input itself.", ANOTHER_NAME)
    if target.is_symlink() or (target.exists() and not target.is_file()):  # still a link: one that leads nowhere else
        raise ConfigurationInvalid(f"The output {output} is no ordinary file.", ANOTHER_NAME)
    if not target.parent.is_dir():
        raise ConfigurationInvalid(f"There is no folder {target.parent}.", "Create it, or correct the output's path.")
    return target


@contextmanager
def _partial_file(target: Path) -> Iterator[Path]:
    """Make an empty file beside the target, which is gone in the end; where that fails the engine could not say why."""
    start = target.name[:50]  # of up to four bytes each, and 255 bytes are all that a name may have
    partial = target.parent / f".{start}.{secrets.token_hex(4)}.partial"
    try:
        partial.touch(exist_ok=False)
    except OSError as error:
        raise ConfigurationInvalid(
            f"Nothing can be written to the folder {target.parent}: {error.strerror}.", "Choose another folder."
        ) from error
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def read_watermark(path: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """Return the document of a watermark file and the files of its images by name.

    Raises:
        ConfigurationInvalid, WatermarkNotFound, WatermarkInvalid
    """
    if path.is_dir():
        raise ConfigurationInvalid(f"The watermark {path} is a folder.", "Name a file in it.")
    if not path.is_file():
        raise WatermarkNotFound(f"There is no watermark file {path}.", "Correct the path given with --watermark.")
    if path.suffix.lower() in watermarks.IMAGE_SUFFIXES:
        # By its own name, which errors and notes tell, wherever that is one that a document may have.
        name = path.name if watermarks.is_image_name(path.name) else "watermark" + path.suffix.lower()
        return watermarks.for_image(name), {name: path}
    if path.suffix.lower() == ".svg":
        raise WatermarkInvalid(f"The watermark {path.name} is an SVG, which is not read.", watermarks.SVG_HINT)
    with path.open("rb") as file:
        content = file.read(watermarks.MAX_JSON_BYTES + 1)
    try:
        document = watermarks.parse_document(content, path.name)
    except WatermarkInvalid as error:
        if path.suffix.lower() == ".json":
            raise
        raise WatermarkInvalid(f"The watermark {watermarks.no_watermark_file(path.name)}.") from error
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
