"""Going through the source once: frames of the picture in the order of display, packets of all else as they come."""

import hashlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from fractions import Fraction

import av.error
from av import Packet, VideoFrame
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from worker.engine.probe import Probe, indexed_packets, prepare_decoder
from worker.errors import CorruptInput

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


def whole_packets(movie: InputContainer, streams: Sequence[Stream]) -> "Iterator[Packet[Stream]]":
    """Yield all packets of these streams.

    Raises:
        CorruptInput: The file ends early, or its index lists more packets than are there.
    """
    found = dict.fromkeys((stream.index for stream in streams), 0)
    packets = movie.demux(*streams)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except av.error.FFmpegError as error:
            raise CorruptInput(f"The file cannot be read to its end: {error.strerror}.") from error
        if packet.dts is None and packet.size == 0:
            continue  # PyAV's sign for the end of a stream
        found[packet.stream_index] += 1
        if packet.is_corrupt:
            raise CorruptInput("The file ends in the middle of a frame: it was cut off.")
        yield packet
    for stream in streams:
        listed = indexed_packets(stream)[0]
        if found[stream.index] < listed:
            raise CorruptInput(
                f"The file is cut off: its index lists {listed} {stream.type} packets, "
                f"but {found[stream.index]} are there."
            )


class Reader:
    """One pass over the source.

    Attributes:
        times: Digest of the times of the frames so far.
        longest: Ticks between the two frames that lie farthest apart.
        notes: Sentences for the job record; complete when `items` has ended.
    """

    def __init__(self, movie: InputContainer, picture: VideoStream, others: Iterable[Stream], probed: Probe) -> None:
        """Prepare the pass.

        Args:
            picture: The stream that is decoded.
            others: The streams whose packets are wanted as they are.
        """
        self.times = TimeDigest()
        self.longest = 0
        self.notes: list[str] = []
        self._movie, self._picture, self._probed = movie, picture, probed
        self._streams = [picture, *others]
        self._packets = 0
        self._expected = max(1, indexed_packets(picture)[0])
        self._first_packet: int | None = None
        self._last_pts: int | None = None
        self._damaged = self._untimely = self._leading = 0
        self._sizes: set[tuple[int, int]] = set()
        prepare_decoder(picture)

    @property
    def share(self) -> float:
        """How much of the picture's stream has been read, 0 to 1."""
        return min(1.0, self._packets / self._expected)

    def items(self) -> Generator["VideoFrame | Packet[Stream]"]:
        """Yield all frames of the picture and all packets of the other streams.

        Raises:
            CorruptInput: Packets are missing, or too many frames are damaged or not later than the one before.
        """
        for packet in whole_packets(self._movie, self._streams):
            if packet.stream_index == self._picture.index:
                self._packets += 1
                self._count_if_leading(packet)
                yield from self._decode(packet)
            else:
                yield packet
        yield from self._decode(None)
        self._refuse_if_damaged(indexed_packets(self._picture)[1])

    def _decode(self, packet: "Packet[Stream] | None") -> Iterator[VideoFrame]:
        try:
            frames = self._picture.codec_context.decode(packet)
        except av.error.InvalidDataError:
            self._damaged += 1
            return
        for frame in frames:
            self._damaged += frame.is_corrupt
            if frame.pts is None or (self._last_pts is not None and frame.pts <= self._last_pts):
                self._untimely += 1  # there is no moment at which a player would show it
                continue
            self._note_size(frame)
            self.longest = max(self.longest, frame.pts - (frame.pts if self._last_pts is None else self._last_pts))
            self._last_pts = frame.pts
            self.times.add(frame.pts, self._probed.time_base)
            yield frame

    def _count_if_leading(self, packet: "Packet[Stream]") -> None:
        """Count what is shown before the first frame of the stream but coded after it, from frames that are gone.

        Decoders leave such out where a recording was cut in front of an open group of pictures.
        """
        if packet.pts is None or packet.is_discard:
            return
        if self._first_packet is None:
            self._first_packet = packet.pts
        self._leading += packet.pts < self._first_packet

    def _note_size(self, frame: VideoFrame) -> None:
        picture, size = self._probed.picture, (frame.width, frame.height)
        if size == (picture.width, picture.height) or size in self._sizes:
            return
        self._sizes.add(size)
        self.notes.append(
            f"The picture changes its size on the way, to {frame.width}x{frame.height}: "
            f"it was scaled to {picture.width}x{picture.height}."
        )

    def _refuse_if_damaged(self, frames: int) -> None:
        tolerated = max(ALWAYS_TOLERATED, frames * MAX_DAMAGED_SHARE)
        if self._untimely > tolerated:
            raise CorruptInput("The timestamps of the video do not increase.")
        missing = max(0, frames - self.times.frames - self._untimely)
        leading = min(missing, self._leading)
        damaged = max(self._damaged, missing - leading)
        if self.times.frames == 0 or damaged > tolerated:
            raise CorruptInput(f"The file is damaged: {damaged} of {frames} frames cannot be decoded properly.")
        if damaged:
            self.notes.append(f"{damaged} of {frames} frames of the source are damaged or missing.")
        if leading:
            self.notes.append(f"The first {leading} frames need others that were cut off, and are shown by no player.")
        if self._untimely:
            self.notes.append(_left_out(self._untimely))


def _left_out(frames: int) -> str:
    if frames == 1:
        return "A frame had no time of its own and was left out."
    return f"{frames} frames had no time of their own and were left out."
