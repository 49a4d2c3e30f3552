"""What a file says of itself before anyone believes it: the demuxer makes room for as many samples as it is told of.

A file of 2 KB may speak of a hundred million samples, for which FFmpeg takes gigabytes. Every sample has a byte at
least, so a file can never have more samples than bytes.
"""

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


def refuse_more_samples_than_bytes(file: BinaryIO, size: int) -> None:
    """Look at the sample counts of an mp4 file of this many bytes; the position is anywhere afterwards.

    Raises:
        CorruptInput
        UnsupportedInput: It is made of more than MAX_BOXES.
    """
    for samples in _sample_counts(file, size):
        if samples > size:
            raise CorruptInput(f"The index speaks of {samples} samples, but the file has {size} bytes.")


def _sample_counts(file: BinaryIO, size: int) -> Iterator[int]:
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
            if kind in _COUNT_AT:
                file.seek(start + header + _COUNT_AT[kind])
                yield int.from_bytes(file.read(4))
            elif kind in _CONTAINERS:
                inside.append((start + header, stop))
            start = stop
