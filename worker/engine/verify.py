"""The result must be the same video: decoded to its end and compared with what went in, before anyone sees it."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av import VideoFrame
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from worker.engine.encode import Encoded
from worker.engine.planes import even
from worker.engine.probe import Probe, prepare_decoder
from worker.engine.read import TimeDigest
from worker.engine.remux import Digest, is_rewritten
from worker.engine.source import as_fraction, open_movie
from worker.errors import OutputMismatch


def verify(output: Path, probed: Probe, encoded: Encoded, progress: Callable[[float], None]) -> float:
    """Return the duration in seconds of a result that is as it must be.

    Frames are decoded and counted, every timestamp is compared, and so is every byte of the copied streams.

    Raises:
        OutputMismatch: The sentence says in what it differs.
    """
    with output.open("rb") as file, open_movie(file) as movie:
        streams = [stream for stream in movie.streams if not is_rewritten(stream, movie)]
        _compare("streams", [stream.type for stream in streams], [kind for kind, _ in encoded.streams])
        index = [digest is None for _, digest in encoded.streams].index(True)
        video = streams[index]
        assert isinstance(video, VideoStream)  # noqa: S101 - compared above; for the type checker
        _compare_picture(video, probed)
        times, digests = _read(movie, video, streams, encoded.frames, progress)
        _compare("number of frames", times.frames, encoded.frames)
        _compare("timestamps of the frames", times.hexdigest(), encoded.times)
        for stream, (kind, digest) in zip(streams, encoded.streams, strict=True):
            if digest is not None:
                _compare(f"{kind} packets of stream {stream.index}", digests[stream.index], digest)
        return _compare_duration(movie, probed, encoded)


def _read(
    movie: InputContainer, video: VideoStream, streams: list[Stream], frames: int, progress: Callable[[float], None]
) -> tuple[TimeDigest, dict[int, Digest]]:
    prepare_decoder(video)
    times = TimeDigest()
    digests = {stream.index: Digest() for stream in streams}
    time_base = as_fraction(video.time_base)
    try:
        for packet in movie.demux(*streams):
            if packet.size == 0:
                continue  # PyAV's sign for the end of a stream
            if packet.stream_index == video.index:
                _count(video.codec_context.decode(packet), times, time_base)
                progress(min(1.0, times.frames / max(1, frames)))
            else:
                digests[packet.stream_index].add(packet)
        _count(video.codec_context.decode(None), times, time_base)
    except av.error.FFmpegError as error:
        raise OutputMismatch(f"The result cannot be read to its end: {error.strerror}.") from error
    return times, digests


def _count(frames: list[VideoFrame], times: TimeDigest, time_base: Fraction) -> None:
    for frame in frames:
        if frame.is_corrupt or frame.pts is None:
            raise OutputMismatch(f"Frame {times.frames} of the result cannot be decoded properly.")
        times.add(frame.pts, time_base)


def _compare(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise OutputMismatch(f"The result differs from its source in its {what}: {found} instead of {expected}.")


def _compare_picture(video: VideoStream, probed: Probe) -> None:
    size = (even(probed.picture.width), even(probed.picture.height))
    _compare("size", (video.width, video.height), size)
    matrix = video.codec_context.coded_side_data.get("display_matrix")
    expected = b"".join(value.to_bytes(4, "little", signed=True) for value in probed.matrix or ())
    _compare("orientation", matrix or b"", expected)


def _compare_duration(movie: InputContainer, probed: Probe, encoded: Encoded) -> float:
    duration = (movie.duration or 0) / av.time_base
    # Every timestamp has been compared by now. What mp4 leaves open is how long the last frame stays, where frames are
    # reordered and their distances vary; and the source's own clock may round.
    tolerance = float(encoded.longest) + 2 / float(probed.rate) + 0.05
    if probed.duration and abs(duration - probed.duration) > tolerance:
        raise OutputMismatch(f"The result is {duration:.3f} s long instead of {probed.duration:.3f} s.")
    return duration
