"""The result must be the same video: decoded to its end and compared with what went in, before anyone sees it."""

from collections.abc import Callable
from fractions import Fraction

import av
import av.error
from av import Packet
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from worker.engine.digest import Digest, nearest_tick, shows_nothing
from worker.engine.headers import movie_timescale
from worker.engine.pipeline import Encoded
from worker.engine.planes import even
from worker.engine.probe import Probe, prepare_decoder
from worker.engine.read import TimeDigest
from worker.engine.result import ResultFile
from worker.engine.smart.seams import SeamCheck
from worker.engine.source import as_fraction, open_movie
from worker.engine.tags import is_rewritten
from worker.errors import OutputMismatch


def verify(
    output: ResultFile, probed: Probe, encoded: Encoded, progress: Callable[[float], None], threads: int = 1
) -> float:
    """Return the duration in seconds of a result that is as it must be.

    Frames are decoded and counted, every timestamp is compared, and so is every byte of the other streams. Of a
    picture that was copied in parts, those near its seams and the first of every group are decoded;
    `worker.engine.smart.seams` says why, and what remains unseen.

    Args:
        threads: How many may decode.

    Raises:
        OutputMismatch: The sentence says in what it differs.
    """
    with output.open() as file:
        edits = Fraction(1, movie_timescale(file))
    with output.open() as file, open_movie(file) as movie:
        streams = [stream for stream in movie.streams if not is_rewritten(stream, movie)]
        _compare("streams", [stream.type for stream in streams], [kind for kind, _ in encoded.streams])
        index = [digest is None for _, digest in encoded.streams].index(True)
        video = streams[index]
        assert isinstance(video, VideoStream)  # noqa: S101 - compared above; for the type checker
        _compare_picture(video, probed)
        times, digests = _read(movie, video, streams, encoded, progress, threads)
        _compare("number of frames", times.frames, encoded.frames)
        _compare("timestamps of the frames", times.hexdigest(), encoded.times)
        for stream, (kind, digest) in zip(streams, encoded.streams, strict=True):
            if digest is not None:
                _compare_packets(f"{kind} stream {stream.index}", stream, digests[stream.index], digest, edits)
        return _compare_duration(movie, probed, encoded)


class _FrameCheck:
    """Decodes all of the result's picture."""

    def __init__(self, video: VideoStream) -> None:
        self.times = TimeDigest()
        self._decoder, self._time_base = video.codec_context, as_fraction(video.time_base)

    def add(self, packet: "Packet[Stream] | None") -> None:
        for frame in self._decoder.decode(packet):
            if frame.is_corrupt or frame.pts is None:
                raise OutputMismatch(f"Frame {self.times.frames} of the result cannot be decoded properly.")
            self.times.add(frame.pts, self._time_base)

    def finish(self) -> None:
        self.add(None)


def _read(
    movie: InputContainer,
    video: VideoStream,
    streams: list[Stream],
    encoded: Encoded,
    progress: Callable[[float], None],
    threads: int,
) -> tuple[TimeDigest, dict[int, Digest]]:
    # Of what is spliced, few groups are decoded, each flushed out by the next: threads would only delay that.
    prepare_decoder(video, 1 if encoded.spliced else threads)
    # Nobody looks at the pictures. What this leaves out reads nothing of the stream, so it could find no damage in it.
    video.codec_context.options |= {"skip_loop_filter": "all"}
    picture = SeamCheck(video, encoded.spliced) if encoded.spliced else _FrameCheck(video)
    digests = {stream.index: Digest() for stream in streams}
    try:
        for packet in movie.demux(*streams):
            if packet.size == 0:
                continue  # PyAV's sign for the end of a stream
            if packet.stream_index == video.index:
                picture.add(packet)
                progress(min(1.0, picture.times.frames / max(1, encoded.frames)))
            elif not shows_nothing(packet):
                digests[packet.stream_index].add(packet, packet.stream)
        picture.finish()
    except av.error.FFmpegError as error:
        raise OutputMismatch(f"The result cannot be read to its end: {error.strerror}.") from error
    return picture.times, digests


def _compare(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise OutputMismatch(f"The result differs from its source in its {what}: {found} instead of {expected}.")


def _compare_packets(what: str, stream: Stream, found: Digest, expected: Digest, edits: Fraction) -> None:
    """Compare a stream that is not the picture.

    Args:
        edits: Seconds per tick of the clock in which edit lists count.
    """
    _compare(f"number of packets of the {what}", found.packets, expected.packets)
    _compare(f"bytes of the {what}", found.crc32, expected.crc32)
    _compare(f"timestamps of the {what}", found.times, expected.times)
    tick = as_fraction(stream.time_base)
    late = expected.start * tick
    # Where no clock holds the ticks of all tracks, a late start is rounded down, and so is what is hidden before it.
    is_exact = late <= 0 or ((late / edits).denominator == 1 and (expected.hidden * tick / edits).denominator == 1)
    earliest = late if is_exact else nearest_tick(late - 2 * edits, tick) * tick
    if not earliest <= found.start * tick <= late:
        _compare(f"start of the {what} in seconds", float(found.start * tick), float(late))


def _compare_picture(video: VideoStream, probed: Probe) -> None:
    size = (even(probed.picture.width), even(probed.picture.height))
    _compare("size", (video.width, video.height), size)
    matrix = video.codec_context.coded_side_data.get("display_matrix")
    expected = b"".join(value.to_bytes(4, "little", signed=True) for value in probed.matrix or ())
    _compare("orientation", matrix or b"", expected)


def _compare_duration(movie: InputContainer, probed: Probe, encoded: Encoded) -> float:
    duration = (movie.duration or 0) / av.time_base
    # Every timestamp has been compared by now. What mp4 leaves open is how long the last frame stays, where frames are
    # reordered and their distances vary; and the source's own clock may round. Where an edit list cuts off the end of a
    # track, FFmpeg takes the source for longer than it is.
    tolerance = float(encoded.longest) + 2 / float(probed.rate) + 0.05
    if probed.duration and duration > probed.duration + tolerance:
        raise OutputMismatch(f"The result is {duration:.3f} s long instead of {probed.duration:.3f} s.")
    return duration
