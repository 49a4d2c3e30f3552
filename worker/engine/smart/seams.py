"""Is the picture of a result what was put together, and does it decode across its seams?

Not all of it is decoded again. Every packet is compared with what was handed to the muxer, and what was copied was
handed on as it was read: the same bytes with the same times. Each copied group begins with an IDR picture, at which a
decoder forgets all that was before, and names parameter sets that nobody has touched; so it decodes as it did in the
source, whatever lies around it, unless the decoder arrives in a state in which it cannot take an IDR picture. Therefore
what was encoded is decoded together with the groups before and after it, across both seams.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from av import Packet, VideoFrame
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
        pieces: Number of packets of each, and whether it was encoded; in order.
        packets: Digest of all of them.
    """

    pieces: Sequence[tuple[int, bool]]
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
        self._pieces = _near_seams(spliced.pieces)
        self._left, self._near = 0, False
        self._piece: list[int] = []  # times of the packets of the piece
        self._expected: list[int] = []  # and of what is to be decoded, in the order of display
        self._found: list[int] = []

    def add(self, packet: "Packet[Stream]") -> None:
        """Look at a packet, and decode it if a seam is near.

        Raises:
            OutputMismatch
        """
        if self._left == 0:
            self._left, near = next(self._pieces, (0, False))
            if self._near and not near:
                self._end_section()
            self._near = near
        self._digest.add(packet)
        self._piece.append(packet.pts or 0)
        if self._near:
            self._look_at(self._decoder.decode(packet))
        self._left -= 1
        if self._left == 0:
            self._end_piece()

    def finish(self) -> None:
        """Look at what the decoder still holds, and compare all packets.

        Raises:
            OutputMismatch
        """
        if self._near:
            self._end_section()
        if self._left or self._digest.hexdigest() != self._spliced.packets:
            raise OutputMismatch("The result differs from what was put together in the packets of its picture.")

    def _end_piece(self) -> None:
        self._piece.sort()
        for pts in self._piece:
            self.times.add(pts, self._time_base)
        if self._near:
            self._expected += self._piece
        self._piece = []

    def _end_section(self) -> None:
        self._look_at(self._decoder.decode(None))
        self._decoder.flush_buffers()
        if self._found != self._expected:
            raise OutputMismatch("The result differs from its source in the frames at a seam.")
        self._found, self._expected = [], []

    def _look_at(self, frames: list[VideoFrame]) -> None:
        for frame in frames:
            if frame.is_corrupt or frame.pts is None:
                raise OutputMismatch("A frame of the result at a seam cannot be decoded properly.")
            self._found.append(frame.pts)


def _near_seams(pieces: Sequence[tuple[int, bool]]) -> Iterator[tuple[int, bool]]:
    """Yield the number of packets of each piece, and whether it or one beside it was encoded."""
    encoded = [encoded for _, encoded in pieces]
    for (packets, _), *beside in zip(pieces, [False, *encoded], encoded, [*encoded[1:], False], strict=False):
        yield packets, any(beside)
