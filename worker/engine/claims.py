"""What a file says of itself before anyone believes it: the demuxer makes room for as many samples as it is told of.

A file of 2 KB may speak of a hundred million samples, for which FFmpeg takes gigabytes. Every sample has a byte at
least, so a file can never have more samples than bytes.

And it takes every edit of an edit list for one at normal speed: of what is to be played twice as fast it shows half.
"""

import struct
from collections.abc import Iterator
from itertools import count
from typing import BinaryIO

from worker.errors import CorruptInput, UnsupportedInput

# ISO/IEC 14496-12. The demuxer looks for any box in any of these, wherever it belongs.
_CONTAINERS = (
    b"moov",
    b"trak",
    b"mdia",
    b"minf",
    b"stbl",
    b"moof",
    b"traf",
    b"udta",
    b"edts",
    b"dinf",
    b"mvex",
    b"tref",
)
_COUNT_AT = {b"stsz": 8, b"stz2": 8, b"trun": 4}  # behind version, flags and, but for trun, the size of a sample
MAX_BOXES = 2_000_000  # a few seconds; an hour of video in a fragment for each frame has 1.5 million

_NOTHING = -1  # as the start of an edit
_NORMAL_SPEED = 1 << 16
_EDITS_AT_ONCE = 4096
MAX_EDITS = 100_000  # of one track; an editing program writes one for each cut


def refuse_what_would_be_misread(file: BinaryIO, size: int) -> None:
    """Look at the sample counts and edit lists of an mp4 file of this many bytes; the position is anywhere afterwards.

    Raises:
        CorruptInput
        UnsupportedInput: It is made of more than MAX_BOXES, or a part of it plays faster, slower or backwards.
    """
    for kind, begin, end in _boxes(file, size):
        if kind in _COUNT_AT:
            file.seek(begin + _COUNT_AT[kind])
            samples = int.from_bytes(file.read(4))
            if samples > size:
                raise CorruptInput(f"The index speaks of {samples} samples, but the file has {size} bytes.")
        elif kind == b"elst":
            for speed in _speeds(file, begin, end):
                if speed != _NORMAL_SPEED:
                    raise UnsupportedInput(
                        f"An edit list plays a part of the video at {speed / _NORMAL_SPEED:g} times its speed, "
                        "which is not handled.",
                        "Export the video with its changes of speed applied, then upload it again.",
                    )


def _speeds(file: BinaryIO, begin: int, end: int) -> Iterator[int]:
    """Yield the speed of each edit of an elst box that shows something, in 1/65536."""
    file.seek(begin)
    head = file.read(8)
    edit = struct.Struct(">Qqi" if head[:1] == b"\1" else ">Iii")
    left = min(int.from_bytes(head[4:]), (end - begin - 8) // edit.size)
    if left > MAX_EDITS:
        raise UnsupportedInput(f"A track is put together of more than {MAX_EDITS:,} parts by its edit list.")
    while left > 0:
        edits = file.read(min(left, _EDITS_AT_ONCE) * edit.size)
        if len(edits) < edit.size:
            return
        left -= len(edits) // edit.size
        whole = len(edits) - len(edits) % edit.size
        yield from (speed for _, start, speed in edit.iter_unpack(edits[:whole]) if start != _NOTHING)


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type of each box and where its content begins and ends."""
    inside, boxes = [(0, size)], count()
    while inside:
        start, end = inside.pop()
        while start + 8 <= end:
            if next(boxes) > MAX_BOXES:
                raise UnsupportedInput(f"The file is made of more than {MAX_BOXES:,} boxes.")
            file.seek(start)
            head = file.read(16)
            length, kind, header = int.from_bytes(head[:4]), head[4:8], 8
            if length == 1:
                length, header = int.from_bytes(head[8:16]), 16
            stop = min(start + length, end) if length else end
            if stop < start + header:
                break  # a length that cannot be: the demuxer says what it thinks of it
            yield kind, start + header, stop
            if kind in _CONTAINERS:
                inside.append((start + header, stop))
            start = stop
