"""What both ways from the one file to the other share: source and result are opened, frames get their marks."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from typing import BinaryIO, NamedTuple, Protocol

import av.error
from av import VideoFrame
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from worker.engine.digest import Digest
from worker.engine.planes import Canvas
from worker.engine.probe import Probe
from worker.engine.remux import muxer_options
from worker.engine.result import ResultFile
from worker.engine.smart.seams import Spliced
from worker.engine.source import open_movie
from worker.errors import DiskFull, EncodeFailed
from worker.watermark import never_visible


class Blends(Protocol):
    """Puts the marks of a moment on a frame; `worker.engine.blend` and `worker.engine.blend10` do.

    Attributes:
        bytes_to_come: What it will hold beside what it has when it is made.
        seen: Numbers of the layers of which any frame so far has had something.
    """

    bytes_to_come: int
    seen: set[int]

    def apply(self, frame: VideoFrame, seconds: Fraction | int) -> None: ...


@dataclass
class Encoded:
    """What was put into the result, for the verifier.

    Attributes:
        frames: Number of frames.
        times: Digest of their times.
        longest: Seconds between the two frames that lie farthest apart.
        streams: Type and digest of each copied stream, in the order of the result; None is the picture.
        notes: Sentences for the job record.
        spliced: What the picture was put together of, where parts of it were copied.
    """

    frames: int
    times: str
    longest: Fraction
    streams: list[tuple[str, Digest | None]]
    notes: list[str] = field(default_factory=list)
    spliced: Spliced | None = None


class Ends(NamedTuple):
    """Where the pipeline begins and ends; `picture` is the stream of the source that gets the marks."""

    source: InputContainer
    picture: VideoStream
    result: OutputContainer


@contextmanager
def open_ends(file: BinaryIO, output: ResultFile, probed: Probe, finishing: Callable[[], None]) -> Iterator[Ends]:
    """Open source and result while the block runs, and finish the result after it.

    Args:
        file: The source, seekable.
        output: Where to write.
        finishing: Called before the file is finished, which moves its index to the front and may take long.

    Raises:
        EncodeFailed, DiskFull: For the errors of decoder, encoder and muxer, and of the file that is written.
    """
    with open_movie(file) as source:
        picture = source.streams[probed.stream]
        assert isinstance(picture, VideoStream)  # noqa: S101 - the probe found it; for the type checker
        try:
            with output.create(muxer_options(source, picture)) as result:
                yield Ends(source, picture, result)
                finishing()
        except (av.error.FFmpegError, OSError) as error:
            raise _translated(output.failure or error) from error


def _translated(error: av.error.FFmpegError | OSError) -> Exception:
    if error.errno == errno.ENOSPC:
        return DiskFull()
    if error.errno == errno.EFBIG:
        return EncodeFailed("The result grew far beyond the size that its source warrants.")
    return EncodeFailed(f"The engine failed: {error.strerror}.")


class Marker:
    """Makes frames ready for the encoder, with their marks on them."""

    def __init__(self, blender: Blends, probed: Probe, pixel_format: str) -> None:
        self._blender, self._probed = blender, probed
        self._canvas = Canvas(pixel_format, probed.picture.width, probed.picture.height)

    def mark(self, frame: VideoFrame) -> VideoFrame:
        """Return a frame of the source, which has a time, as it is to be encoded."""
        assert frame.pts is not None  # noqa: S101 - the caller checked it; for the type checker
        ready = self._canvas.prepare(frame)
        self._blender.apply(ready, frame.pts * self._probed.time_base - self._probed.start)
        ready.time_base = self._probed.time_base
        ready.pict_type = 0  # the source's choice of I, P and B is not ours
        return ready

    def refuse_if_unused(self) -> None:
        """Refuse, after the last frame, a result that would be the bare video.

        This is the last line of defence: what is known beforehand is refused before the encode.

        Raises:
            WatermarkInvalid: No frame got a mark.
        """
        if not self._blender.seen:
            raise never_visible("of no frame is it a part", "Correct its start, end, fade, opacity or image.")
