"""What was written, in a few bytes: enough to tell whether a file that is read again holds the same."""

import zlib
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from av import Packet
from av.stream import Stream

from worker.engine.source import as_fraction


@dataclass
class Digest:
    """The packets of a stream other than the picture.

    Attributes:
        crc32: Of all their bytes.
        times: CRC-32 of when each of them starts, in ticks from the first one's start.
        start: Ticks of the result's clock at which the first packet starts.
        hidden: Samples at the start of the first packet that are not to be heard.
    """

    packets: int = 0
    crc32: int = 0
    times: int = 0
    start: int = 0
    hidden: int = field(default=0, compare=False)

    def add(self, packet: "Packet[Any]", stream: Stream) -> None:
        """Add a packet that is in this stream of the result, or is to be; the stream's clock must be the final one."""
        start = nearest_tick((packet.pts or 0) * as_fraction(packet.time_base), as_fraction(stream.time_base))
        if not self.packets:
            self.start = start
            if packet.has_sidedata("skip_samples"):
                self.hidden = int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little")
        self.packets += 1
        self.crc32 = zlib.crc32(bytes(packet), self.crc32)
        self.times = zlib.crc32(f"{start - self.start},".encode(), self.times)


def nearest_tick(seconds: Fraction, clock: Fraction) -> int:
    """Return a time in ticks of a clock as the muxer does: of two that are equally near, the one farther from 0.

    Tracks of sound count in samples, whatever the clock was that they come from. On all others times are exact.
    """
    doubled = 2 * abs(seconds) / clock
    ticks = (doubled.numerator // doubled.denominator + 1) // 2
    return ticks if seconds >= 0 else -ticks


def shows_nothing(packet: "Packet[Any]") -> bool:
    """Return whether this is an empty text for no time, which FFmpeg's muxer puts where a subtitle ends."""
    return not packet.duration and packet.stream.type == "subtitle" and bytes(packet) == bytes(2)
