"""Is the picture of a result what was put together, and does it decode across its seams?

Not all of it is decoded again: that would cost what copying saves. Every packet is compared with what was handed to the
muxer, and what was copied was handed on as it was read: the same bytes with the same times. Each copied group begins
with an IDR picture, at which a decoder forgets all that was before, and names parameter sets that nobody has touched;
so it decodes as it did in the source, whatever lies around it, unless the decoder arrives in a state in which it cannot
take an IDR picture. Therefore what was encoded is decoded together with the groups before and after it, across both
seams.

Of every other copied group the IDR picture alone is decoded. What remains unseen is damage that the source has in their
other pictures: it is copied as it was.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from av import Packet
from av.error import InvalidDataError
from av.stream import Stream
from av.video.stream import VideoStream

from worker.engine.read import TimeDigest
from worker.engine.source import as_fraction
from worker.errors import OutputMismatch


class PacketDigest:
    """A digest of packets: their times and bytes."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, packet: "Packet[Stream]") -> None:
        self._hash.update(f"{packet.pts},{packet.dts},{packet.size},".encode())
        self._hash.update(packet)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


@dataclass(frozen=True)
class Spliced:
    """A picture that was put together.

    Attributes:
        pieces: Of each, in order, the numbers of packets of its groups, and whether it was encoded, as one group.
        packets: Digest of all of them.
    """

    pieces: Sequence[tuple[Sequence[int], bool]]
    packets: str


class SeamCheck:
    """Takes the packets of the result's picture in their order.

    Attributes:
        times: Digest of the frames' times; complete in the end.
    """

    def __init__(self, picture: VideoStream, spliced: Spliced) -> None:
        self.times = TimeDigest()
        self._decoder, self._time_base = picture.codec_context, as_fraction(picture.time_base)
        self._digest, self._spliced = PacketDigest(), spliced
        self._groups = _near_seams(spliced.pieces)
        self._left, self._near = 0, False
        self._waiting: list[tuple[int, bool]] = []  # a heap: times of packets, and whether they are decoded
        self._expected, self._found = TimeDigest(), TimeDigest()  # of what is decoded

    def add(self, packet: "Packet[Stream]") -> None:
        """Look at a packet, and decode it if a seam is near or a group begins with it.

        Raises:
            OutputMismatch
        """
        begins = self._left == 0
        if begins:
            self._left, self._near = next(self._groups, (0, False))
        self._left -= 1
        self._digest.add(packet)
        decoded = begins or self._near
        heappush(self._waiting, (packet.pts or 0, decoded))
        while self._waiting and packet.dts is not None and self._waiting[0][0] <= packet.dts:
            self._count()  # what comes later is shown later too
        if decoded:
            self._decode(packet)

    def finish(self) -> None:
        """Look at what the decoder still holds, and compare all packets.

        Raises:
            OutputMismatch
        """
        while self._waiting:
            self._count()
        self._decode(None)
        if self._found.hexdigest() != self._expected.hexdigest():
            raise OutputMismatch("The result differs from its source in the frames at a seam or a group's beginning.")
        if self._left or self._digest.hexdigest() != self._spliced.packets:
            raise OutputMismatch("The result differs from what was put together in the packets of its picture.")

    def _count(self) -> None:
        pts, decoded = heappop(self._waiting)
        self.times.add(pts, self._time_base)
        if decoded:
            self._expected.add(pts, self._time_base)

    def _decode(self, packet: "Packet[Stream] | None") -> None:
        try:
            frames = self._decoder.decode(packet)
        except InvalidDataError as error:
            raise OutputMismatch("A frame at a seam or at a group's beginning cannot be decoded.") from error
        for frame in frames:
            if frame.is_corrupt or frame.pts is None:
                raise OutputMismatch("A frame at a seam or at a group's beginning cannot be decoded properly.")
            self._found.add(frame.pts, self._time_base)


def _near_seams(pieces: Sequence[tuple[Sequence[int], bool]]) -> Iterator[tuple[int, bool]]:
    """Yield the number of packets of each group, and whether it or one beside it was encoded."""
    last = len(pieces) - 1
    for place, (groups, encoded) in enumerate(pieces):
        for number, packets in enumerate(groups):
            after_seam = number == 0 and place > 0
            before_seam = number == len(groups) - 1 and place < last
            yield packets, encoded or after_seam or before_seam
