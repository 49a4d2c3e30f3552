"""What was written, in a few bytes: enough to tell whether a file that is read again holds the same."""

import zlib
from dataclasses import dataclass, field
from typing import Any

from av import Packet


@dataclass
class Digest:
    """The packets of a stream other than the picture.

    Attributes:
        start: Ticks at which the first packet starts.
        hidden: Samples at the start of the first packet that are not to be heard.
    """

    packets: int = 0
    crc32: int = 0
    start: int = field(default=0, compare=False)
    hidden: int = field(default=0, compare=False)

    def add(self, packet: "Packet[Any]") -> None:
        if not self.packets:
            self.start = packet.pts or 0
            if packet.has_sidedata("skip_samples"):
                self.hidden = int.from_bytes(bytes(packet.get_sidedata("skip_samples"))[:4], "little")
        self.packets += 1
        self.crc32 = zlib.crc32(bytes(packet), self.crc32)


def shows_nothing(packet: "Packet[Any]") -> bool:
    """Return whether this is an empty text for no time, which FFmpeg's muxer puts where a subtitle ends."""
    return not packet.duration and packet.stream.type == "subtitle" and bytes(packet) == bytes(2)
