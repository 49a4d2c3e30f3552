"""When a movie was filmed, for files with tags of their own: with those FFmpeg's muxer would say it twice."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from worker.engine.result import ResultFile
from worker.engine.source import open_movie
from worker.engine.tags import has_own_tags

_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)  # of ISO/IEC 14496-12
_PARENTS = (b"moov", b"trak", b"mdia")
_HEADERS = (b"mvhd", b"tkhd", b"mdhd")


def keep_creation_time(source: BinaryIO, result: ResultFile) -> None:
    """Write the source's time of creation, in whole seconds, into the headers of a finished result that lacks it."""
    with open_movie(source) as movie:
        text = movie.metadata.get("creation_time") if has_own_tags(movie) else None
    if text is None:
        return
    try:
        # Files of FFmpeg's that say it twice are read as "A;A".
        seconds = int((datetime.fromisoformat(text.partition(";")[0]) - _EPOCH).total_seconds())
    except (ValueError, TypeError):
        return
    with result.open() as file:
        for position, version in _headers(file, 0, file.seek(0, 2)):
            size = 8 if version else 4
            result.overwrite(position + 4, seconds.to_bytes(size) * 2)  # of creation and of change


def _headers(file: BinaryIO, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where the content of each header of the movie and its tracks begins, and its version."""
    while begin + 8 <= end:
        file.seek(begin)
        size, kind = int.from_bytes(file.read(4)), file.read(4)
        if kind in _HEADERS:
            yield begin + 8, file.read(1)[0]
        elif kind in _PARENTS:
            yield from _headers(file, begin + 8, begin + size)
        if kind == b"moov" or size < 8:
            return  # the moov lies in front, and what follows it has sizes of another form
        begin += size
