"""What was written, in a few bytes: enough to tell whether a file that is read again holds the same."""

import zlib
from dataclasses import dataclass
from typing import Any

from av import Packet


@dataclass
class Digest:
    """The packets of a stream other than the picture."""

    packets: int = 0
    crc32: int = 0

    def add(self, packet: "Packet[Any]") -> None:
        self.packets += 1
        self.crc32 = zlib.crc32(bytes(packet), self.crc32)


def shows_nothing(packet: "Packet[Any]") -> bool:
    """Return whether this is an empty text for no time, which FFmpeg's muxer puts where a subtitle ends."""
    return not packet.duration and packet.stream.type == "subtitle" and bytes(packet) == bytes(2)
