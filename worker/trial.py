"""A watermark tried out before a job needs it. Its files are decoded where a job does it: in the walled-off process."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from worker.sandbox import Measured, ask

LOG_BYTES = 1 << 20  # of the engine, where it writes nothing else
PREVIEW_BYTES = 1 << 28  # a PNG of 8K has 140 MB at the very most


@dataclass(frozen=True)
class Preview:
    """A frame with its marks.

    Attributes:
        seconds: Of the frame, on the video's own clock.
        marks: How many overlays are to be seen on it.
        notes: Sentences about how it was made.
    """

    seconds: float
    marks: int
    notes: list[str]


def check_watermark(document: Mapping[str, Any], name: str, images: Mapping[str, Path]) -> None:
    """Check a watermark as far as that goes without a video: images are read to their end.

    Args:
        document, name: The watermark, and the file that errors call it.
        images: Files of the images that it names.

    Raises:
        WatermarkError: What the job would end with.
    """
    with ExitStack() as stack:
        request, files = _request(stack, document, name, images)
        ask({"work": "check", "output_bytes": LOG_BYTES, **request}, files)


def draw_preview(
    video: BinaryIO,
    output: Path,
    document: Mapping[str, Any],
    name: str,
    images: Mapping[str, Path],
    seconds: float | None = None,
    measured: Measured = lambda _duration, _pixels: None,
) -> Preview:
    """Draw a watermark on one frame of a video.

    Args:
        output: The PNG; overwritten.
        document, name, images: As in `check_watermark`.
        seconds: On the video's own clock; None for the frame that has most of the watermark.
        measured: Called with the video's duration in seconds, and the pixels of all its frames, before it is drawn.

    Raises:
        WatermarkError: What the job would end with.
    """
    with ExitStack() as stack:
        request, files = _request(stack, document, name, images)
        writing = stack.enter_context(output.open("wb"))
        more = {"input": video.fileno(), "output": writing.fileno(), "output_bytes": PREVIEW_BYTES, "seconds": seconds}
        drawn = ask({"work": "preview", **more, **request}, [video, writing, *files], measured=measured)
        return Preview(**drawn)


def _request(
    stack: ExitStack, document: Mapping[str, Any], name: str, images: Mapping[str, Path]
) -> tuple[dict[str, Any], list[BinaryIO]]:
    files = {image: stack.enter_context(path.open("rb")) for image, path in images.items()}
    descriptors = {image: file.fileno() for image, file in files.items()}
    return {"watermark": document, "watermark_name": name, "images": descriptors}, list(files.values())
