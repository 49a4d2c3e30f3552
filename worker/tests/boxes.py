"""Boxes of an MP4 file (ISO/IEC 14496-12, 4.2) as a tree that a test can look into, change and write again."""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

_CONTAINERS = {"moov", "trak", "edts", "mdia", "minf", "stbl", "mvex", "moof", "traf", "udta", "tref", "gmhd", "dinf"}


@dataclass
class Box:
    """A box: either has children or a payload, without its header of 8 bytes."""

    kind: str
    payload: bytes = b""
    children: list["Box"] = field(default_factory=list)

    def __bytes__(self) -> bytes:
        content = self.payload + b"".join(bytes(child) for child in self.children)
        return (len(content) + 8).to_bytes(4) + self.kind.encode("latin-1") + content

    def all(self, *path: str) -> list["Box"]:
        """Return the boxes at a path of types below this one."""
        if not path:
            return [self]
        return [found for child in self.children if child.kind == path[0] for found in child.all(*path[1:])]

    def one(self, *path: str) -> "Box":
        """Return the first box at a path."""
        return self.all(*path)[0]

    def walk(self) -> Iterable["Box"]:
        yield self
        for child in self.children:
            yield from child.walk()


def parse(content: bytes) -> list[Box]:
    """Return the boxes of a file or of a container's payload."""
    boxes = []
    position = 0
    while position + 8 <= len(content):
        size, kind = int.from_bytes(content[position : position + 4]), content[position + 4 : position + 8]
        head = 8
        if size == 1:
            size, head = int.from_bytes(content[position + 8 : position + 16]), 16
        payload = content[position + head : position + (size or len(content))]
        name = kind.decode("latin-1")
        box = Box(name, children=parse(payload)) if name in _CONTAINERS else Box(name, payload)
        boxes.append(box)
        position += size or len(content)
    return boxes


def integers(payload: bytes, size: int = 4, start: int = 0) -> list[int]:
    """Return the big-endian integers of a payload from a place on."""
    return [int.from_bytes(payload[at : at + size]) for at in range(start, len(payload) - size + 1, size)]


def edit_moov(path: Path, change: Callable[[Box], None]) -> Path:
    """Change the index of a file that has it at its end, where nothing moves when it grows; return the path."""
    boxes = parse(path.read_bytes())
    assert boxes[-1].kind == "moov"
    change(boxes[-1])
    path.write_bytes(b"".join(bytes(box) for box in boxes))
    return path


def set_edits(track: Box, *edits: tuple[int, int, int]) -> None:
    """Give a track an edit list.

    Args:
        edits: Duration in ticks of the movie, start in ticks of the track or -1 for nothing, and speed in 1/65536.
    """
    entries = b"".join(struct.pack(">Iii", *edit) for edit in edits)
    elst = Box("elst", bytes(4) + len(edits).to_bytes(4) + entries)
    track.children = [child for child in track.children if child.kind != "edts"]
    track.children.insert(1, Box("edts", children=[elst]))


def timescale(header: Box) -> int:
    """Return the ticks per second of an mvhd or mdhd box of version 0."""
    return integers(header.payload)[3]
