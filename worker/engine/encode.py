"""The pipeline from the one file to the other: frames are marked and encoded, the rest is copied."""

import errno
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from typing import BinaryIO, Protocol

import av.error
from av import Packet, VideoFrame
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from worker.engine.ahead import run_ahead
from worker.engine.digest import Digest
from worker.engine.encoders import Coding, add_encoder, last_packets
from worker.engine.planes import Canvas
from worker.engine.probe import Probe
from worker.engine.read import Reader
from worker.engine.remux import Copies, muxer_options
from worker.engine.result import ResultFile
from worker.engine.smart.seams import Spliced
from worker.engine.source import open_movie
from worker.engine.tags import copy_tags, copy_timecode
from worker.errors import DiskFull, EncodeFailed
from worker.watermark import never_visible

ITEMS_AHEAD = 4  # frames, mostly: each is held in memory


class Blends(Protocol):
    """Puts the marks of a moment on a frame; `worker.engine.blend` and `worker.engine.blend10` do."""

    def apply(self, frame: VideoFrame, seconds: Fraction | int) -> bool: ...


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


def encode(
    file: BinaryIO,
    output: ResultFile,
    probed: Probe,
    blender: Blends,
    coding: Coding,
    cpus: float,
    progress: Callable[[float], None],
    finishing: Callable[[], None] = lambda: None,
) -> Encoded:
    """Write the watermarked video.

    Args:
        file: The source, seekable.
        output: Where to write.
        cpus: How many the engine may use. On more than one, decoding and encoding go on at the same time.
        progress: Called with the share done, 0 to 1, after every frame and packet.
        finishing: Called before the file is finished, which moves its index to the front and may take long.

    Raises:
        CorruptInput: Packets are missing, or too many frames are damaged.
        WatermarkInvalid: No frame got a mark: the result would be the bare video.
        UnsupportedInput, EncodeFailed, DiskFull
    """
    with open_movie(file) as movie:
        source = movie.streams[probed.stream]
        assert isinstance(source, VideoStream)  # noqa: S101 - the probe found it; for the type checker
        try:
            with output.create(muxer_options(movie, source)) as result:
                encoded = _Encoding(movie, source, result, probed, blender, coding, cpus).run(progress)
                finishing()
            return encoded
        except (av.error.FFmpegError, OSError) as error:
            raise translated(output.failure or error) from error


def translated(error: av.error.FFmpegError | OSError) -> Exception:
    """Return the error of a job for an error of the muxer or encoder, or of the file that it writes."""
    if error.errno == errno.ENOSPC:
        return DiskFull()
    if error.errno == errno.EFBIG:
        return EncodeFailed("The result grew far beyond the size that its source warrants.")
    return EncodeFailed(f"The engine failed: {error.strerror}.")


class _Encoding:
    """One run of the pipeline."""

    def __init__(
        self,
        movie: InputContainer,
        source: VideoStream,
        output: OutputContainer,
        probed: Probe,
        blender: Blends,
        coding: Coding,
        cpus: float,
    ) -> None:
        self._output, self._probed, self._blender, self._cpus = output, probed, blender, cpus
        self._canvas = Canvas(coding.pixel_format, probed.picture.width, probed.picture.height)
        self._marked = 0

        def add_picture() -> None:
            self._encoder = add_encoder(output, source, probed, coding)
            copy_tags(source, self._encoder)
            copy_timecode(movie, self._encoder)

        self._copies = Copies(movie, source, output, add_picture)
        self._reader = Reader(movie, source, self._copies.sources, probed)

    def run(self, progress: Callable[[float], None]) -> Encoded:
        """Go through the source once."""
        ready = self._marked_items()
        # On one CPU a second thread would gain nothing, and hold more frames.
        with run_ahead(ready, ITEMS_AHEAD) if self._cpus > 1 else closing(ready) as items:
            for item in items:
                if isinstance(item, VideoFrame):
                    self._output.mux(self._encoder.encode(item))
                else:
                    self._copies.copy(item)
                progress(self._reader.share)
        self._output.mux(last_packets(self._encoder, self._reader.times.frames))
        self._copies.finish()
        if not self._marked:  # the last line of defence: what is known beforehand is refused before the encode
            raise never_visible("of no frame is it a part", "Correct its start, end, fade, opacity or image.")
        return Encoded(
            frames=self._reader.times.frames,
            times=self._reader.times.hexdigest(),
            longest=self._reader.longest * self._probed.time_base,
            streams=self._copies.streams(),
            notes=[*self._copies.notes(), *self._reader.notes],
        )

    def _marked_items(self) -> Generator["VideoFrame | Packet[Stream]"]:
        for item in self._reader.items():
            yield self._mark(item) if isinstance(item, VideoFrame) else item

    def _mark(self, frame: VideoFrame) -> VideoFrame:
        assert frame.pts is not None  # noqa: S101 - the reader checked it; for the type checker
        ready = self._canvas.prepare(frame)
        self._marked += self._blender.apply(ready, frame.pts * self._probed.time_base - self._probed.start)
        ready.pict_type = 0  # the source's choice of I, P and B is not ours
        return ready
