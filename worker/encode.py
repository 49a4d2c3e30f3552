"""The encoding loop: decode, put the marks on, encode; copy the rest."""

import errno
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import av.error
from av import Packet, VideoFrame
from av.codec.context import Flags
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from worker.blend import Blender
from worker.errors import CorruptInput, DiskFull, EncodeFailed, UnsupportedInput
from worker.planes import even, to_writable_420
from worker.probe import Probe, indexed_packets, prepare_decoder
from worker.profiles import Profile
from worker.remux import (
    CopiedStream,
    Digest,
    copy_movie_tags,
    copy_stream,
    copy_tags,
    is_rewritten,
    muxer_options,
)
from worker.source import open_movie
from worker.watermark import never_visible

MAX_DAMAGED_SHARE = 0.01  # a glitch in a phone's video is watermarked with it; more is another video than was shot
ALWAYS_TOLERATED = 2


class TimeDigest:
    """A digest of the exact times of frames, in the order of display."""

    def __init__(self, start: Fraction = Fraction(0)) -> None:
        self._hash = hashlib.sha256()
        self._start = start
        self.frames = 0

    def add(self, pts: int, time_base: Fraction) -> None:
        self._hash.update(f"{pts * time_base - self._start},".encode())
        self.frames += 1

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


@dataclass
class Encoded:
    """What was put into the result, for the verifier.

    Attributes:
        frames: Number of frames.
        times: Digest of their times.
        longest: Seconds between the two frames that lie farthest apart.
        streams: Type and digest of each copied stream, in the order of the result; None is the picture.
        notes: Sentences for the job record.
    """

    frames: int
    times: str
    longest: Fraction
    streams: list[tuple[str, Digest | None]]
    notes: list[str] = field(default_factory=list)


def encode(
    file: BinaryIO,
    output: Path,
    probed: Probe,
    blender: Blender,
    profile: Profile,
    progress: Callable[[float], None],
    closing: Callable[[], None] = lambda: None,
) -> Encoded:
    """Write the watermarked video.

    Args:
        file: The source, seekable.
        output: Where to write; overwritten.
        progress: Called with the share done, 0 to 1, after every packet.
        closing: Called before the file is finished, which moves its index to the front and may take long.

    Raises:
        CorruptInput: Packets are missing, or too many frames are damaged.
        WatermarkInvalid: No frame got a mark: the result would be the bare video.
        UnsupportedInput, EncodeFailed, DiskFull
    """
    with open_movie(file) as movie:
        source = movie.streams[probed.stream]
        assert isinstance(source, VideoStream)  # noqa: S101 - the probe found it; for the type checker
        prepare_decoder(source)
        try:
            result = av.open(str(output), "w", format="mp4", container_options=muxer_options(movie, source))
            with result:
                encoded = _Encoding(movie, source, result, probed, blender, profile).run(progress)
                closing()
            return encoded
        except av.error.FFmpegError as error:
            raise _translate(error) from error


def _translate(error: av.error.FFmpegError) -> Exception:
    if error.errno == errno.ENOSPC:
        return DiskFull()
    if error.errno == errno.EFBIG:
        return EncodeFailed("The result grew far beyond the size that its source warrants.")
    return EncodeFailed(f"The engine failed: {error.strerror}.")


class _Encoding:
    """One run of the loop."""

    def __init__(
        self,
        movie: InputContainer,
        source: VideoStream,
        output: OutputContainer,
        probed: Probe,
        blender: Blender,
        profile: Profile,
    ) -> None:
        self.movie, self.source, self.output, self.probed, self.blender = movie, source, output, probed, blender
        self.times = TimeDigest()
        self.last_pts: int | None = None
        self.longest = 0
        self.damaged = 0
        self.marked = 0
        self.notes: list[str] = []
        self.copies: dict[int, CopiedStream] = {}
        self.layout: list[tuple[str, CopiedStream | None]] = []
        self.packets: dict[int, int] = {}
        self._add_streams(profile)

    def _add_streams(self, profile: Profile) -> None:
        """Add all streams in the source's order. All are complete before the first packet, which opens the encoder."""
        copy_movie_tags(self.movie, self.output)
        for stream in self.movie.streams:
            if stream.index == self.source.index:
                self.encoder = self._add_encoder(profile)
                self.layout.append(("video", None))
            elif not is_rewritten(stream, self.movie):
                copied = copy_stream(stream, self.output)
                if isinstance(copied, str):
                    self.notes.append(copied)
                else:
                    self.copies[stream.index] = copied
                    self.layout.append((stream.type, copied))

    def _add_encoder(self, profile: Profile) -> VideoStream:
        probed = self.probed
        encoder = self.output.add_stream("libx264", rate=probed.rate, options=profile.options(probed.bit_rate))
        context = encoder.codec_context
        context.width, context.height = even(probed.picture.width), even(probed.picture.height)
        context.pix_fmt = probed.pixel_format
        context.time_base = probed.time_base
        if probed.has_sample_aspect_ratio:
            context.sample_aspect_ratio = probed.picture.sample_aspect_ratio
        context.colorspace, context.color_range = probed.colour.matrix, probed.colour.range
        context.color_primaries, context.color_trc = probed.colour.primaries, probed.colour.transfer
        context.chroma_sample_location = self.source.codec_context.chroma_sample_location
        context.flags |= Flags.frame_duration  # or the last frame of a variable rate is cut short
        if probed.interlaced:
            context.flags |= Flags.interlaced_dct | Flags.interlaced_me
        if probed.matrix is not None:
            encoder.set_display_matrix(probed.matrix)
        copy_tags(self.source, encoder)
        for stream in self.movie.streams:
            if stream.type == "data" and "timecode" in stream.metadata:
                encoder.metadata.setdefault("timecode", stream.metadata["timecode"])
        return encoder

    def run(self, progress: Callable[[float], None]) -> Encoded:
        """Go through the source once."""
        wanted = [self.source, *(copied.source for copied in self.copies.values())]
        expected = max(1, indexed_packets(self.source)[0])
        for packet in self._demux(wanted):
            if packet.dts is None and packet.size == 0:
                continue  # PyAV's sign for the end of a stream; the decoder is flushed below
            self.packets[packet.stream_index] = self.packets.get(packet.stream_index, 0) + 1
            if packet.is_corrupt:
                raise CorruptInput("The file ends in the middle of a frame: it was cut off.")
            if packet.stream_index == self.source.index:
                self._transcode(packet)
                progress(min(1.0, self.packets[packet.stream_index] / expected))
            else:
                self.copies[packet.stream_index].copy(packet, self.output)
        self._transcode(None)
        self.output.mux(self.encoder.encode(None))
        self._refuse_if_incomplete(wanted)
        if not self.marked:  # the last line of defence: what is known beforehand is refused before the encode
            raise never_visible("of no frame is it a part", "Correct its start, end, fade, opacity or image.")
        empty = [copied for copied in self.copies.values() if copied.digest.packets == 0]
        self.notes += [f"The {copied.source.type} stream {copied.source.index} was empty." for copied in empty]
        return Encoded(
            frames=self.times.frames,
            times=self.times.hexdigest(),
            longest=self.longest * self.probed.time_base,
            streams=[(kind, copied.digest if copied else None) for kind, copied in self.layout if copied not in empty],
            notes=self.notes,
        )

    def _demux(self, streams: list[Stream]) -> "Iterator[Packet[Stream]]":
        packets = self.movie.demux(*streams)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError as error:
                raise CorruptInput(f"The file cannot be read to its end: {error.strerror}.") from error
            yield packet

    def _transcode(self, packet: "Packet[Stream] | None") -> None:
        try:
            frames = self.source.codec_context.decode(packet)
        except av.error.InvalidDataError:
            self.damaged += 1
            return
        for frame in frames:
            self.damaged += frame.is_corrupt
            self._put(frame)

    def _put(self, frame: VideoFrame) -> None:
        picture = self.probed.picture
        if (frame.width, frame.height) != (picture.width, picture.height):
            raise UnsupportedInput(
                f"The picture changes its size in the middle, from {picture.width}x{picture.height} "
                f"to {frame.width}x{frame.height}."
            )
        if frame.pts is None or (self.last_pts is not None and frame.pts <= self.last_pts):
            raise CorruptInput("The timestamps of the video do not increase.")
        self.longest = max(self.longest, frame.pts - (frame.pts if self.last_pts is None else self.last_pts))
        self.last_pts = frame.pts
        self.times.add(frame.pts, self.probed.time_base)
        frame.time_base = self.probed.time_base
        ready = to_writable_420(frame)
        self.marked += self.blender.apply(ready, float(frame.pts * self.probed.time_base - self.probed.start))
        ready.pict_type = 0  # the source's choice of I, P and B is not ours
        self.output.mux(self.encoder.encode(ready))

    def _refuse_if_incomplete(self, streams: list[Stream]) -> None:
        for stream in streams:
            listed, shown = indexed_packets(stream)
            found = self.packets.get(stream.index, 0)
            if found < listed:
                raise CorruptInput(
                    f"The file is cut off: its index lists {listed} {stream.type} packets, but {found} are there."
                )
            if stream is self.source:
                self._refuse_if_damaged(max(self.damaged, shown - self.times.frames), shown)

    def _refuse_if_damaged(self, damaged: int, frames: int) -> None:
        if self.times.frames == 0 or damaged > max(ALWAYS_TOLERATED, frames * MAX_DAMAGED_SHARE):
            raise CorruptInput(f"The file is damaged: {damaged} of {frames} frames cannot be decoded properly.")
        if damaged:
            self.notes.append(f"{damaged} of {frames} frames of the source are damaged or missing.")
