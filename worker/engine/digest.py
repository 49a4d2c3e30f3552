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
