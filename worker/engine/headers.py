"""What FFmpeg's muxer cannot say in the headers of a finished result, written over what it has said."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from av.video.stream import VideoStream

from worker.engine.digest import Digest
from worker.engine.result import ResultFile
from worker.engine.source import open_movie
from worker.engine.tags import has_own_tags

_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)  # of ISO/IEC 14496-12

_ROOM = " "
_HANDLER_NAME = "VideoHandler"  # of FFmpeg's muxer, where it is told none

Span = tuple[int, int]  # where the content of a box begins and ends


def keep_creation_time(source: BinaryIO, result: ResultFile) -> None:
    """Write the source's time of creation, in whole seconds, where the muxer would have said it twice.

    It does beside tags that are the source's own, and so has not been told (see `tags`).
    """
    with open_movie(source) as movie:
        text = movie.metadata.get("creation_time") if has_own_tags(movie) else None
    if text is None:
        return
    try:
        # Files of FFmpeg's that say it twice are read as "A;A".
        seconds = int((datetime.fromisoformat(text.partition(";")[0]) - _EPOCH).total_seconds())
    except (ValueError, TypeError):
        return
    if not 0 <= seconds < 1 << 32:
        return  # the headers have 32 bits for it
    with result.open() as file:
        for path in ("mvhd",), ("trak", "tkhd"), ("trak", "mdia", "mdhd"):
            for begin, _ in _find(file, _moov(file), *path):
                size = 8 if _read(file, begin, 1) else 4
                result.overwrite(begin + 4, seconds.to_bytes(size) * 2)  # of creation and of change


def keep_hidden_samples(result: ResultFile, streams: list[tuple[str, Digest | None]]) -> None:
    """Hide the samples with which a copied track of sound warms up, where it starts late.

    The muxer does so only for a track that starts at 0; of any other they would be heard, before its time.

    Args:
        streams: Kind and digest of the streams of the result, in its order; None is the picture.
    """
    tracks = [digest for kind, digest in streams if digest is None or kind != "video"]  # cover pictures are no tracks
    if not any(digest and digest.hidden and digest.start > 0 for digest in tracks):
        return
    with result.open() as file:
        moov = _moov(file)
        movie = _timescale(file, next(_find(file, moov, "mvhd"))[0])
        for digest, track in zip(tracks, _find(file, moov, "trak"), strict=False):
            if digest and digest.hidden and digest.start > 0:
                rate = _timescale(file, next(_find(file, track, "mdia", "mdhd"))[0])
                for begin, _ in _find(file, track, "edts", "elst"):
                    _hide(file, result, begin, digest.hidden, digest.hidden * movie // rate)


def leave_room(picture: VideoStream, size: int) -> None:
    """Let the headers of the result's picture be so many bytes longer, before the first packet is written.

    What grows later would move the samples, and with them all that says where they lie. So the name of the track's
    handler, which comes shortly before the sample entry, gets longer, and is cut again by `write_in_room`.
    """
    if size:
        picture.metadata["handler_name"] = (picture.metadata.get("handler_name") or _HANDLER_NAME) + _ROOM * size


def write_in_room(result: ResultFile, boxes: bytes) -> None:
    """Add boxes to the sample entry of the picture, for which `leave_room` has made room.

    FFmpeg's muxer would write these itself, but PyAV has no way to tell it.
    """
    if not boxes:
        return
    with result.open() as file:
        media = next(media for media in _find(file, _moov(file), "trak", "mdia") if _kind(file, media) == b"vide")
        handler, end = next(_find(file, media, "hdlr"))
        begin = end - 1 - len(boxes)  # of the room, which a zero ends
        table, _ = next(_find(file, media, "minf", "stbl", "stsd"))
        entry = table + 8
        around = [next(_find(file, media, *path))[0] - 8 for path in (("minf",), ("minf", "stbl"))] + [table - 8, entry]
        length = entry + _read(file, entry, 4) - begin
        file.seek(begin)
        content = bytearray(file.read(length))
    for box in around:
        size = slice(box - begin, box - begin + 4)
        content[size] = (int.from_bytes(content[size]) + len(boxes)).to_bytes(4)
    result.overwrite(handler - 8, (begin + 1 - (handler - 8)).to_bytes(4))
    result.overwrite(begin, bytes(content[len(boxes) :]) + boxes)


def _kind(file: BinaryIO, media: Span) -> bytes:
    """Return what kind of track an mdia box is of."""
    return _read(file, next(_find(file, media, "hdlr"))[0] + 8, 4).to_bytes(4)


def movie_timescale(file: BinaryIO) -> int:
    """Return the ticks per second in which a result's edit lists count."""
    return _timescale(file, next(_find(file, _moov(file), "mvhd"))[0])


def _hide(file: BinaryIO, result: ResultFile, begin: int, samples: int, ticks: int) -> None:
    """Let an edit list of nothing and then all begin later, by some samples of the track or ticks of the movie."""
    size = 8 if _read(file, begin, 1) else 4
    entry = 2 * size + 4
    nothing, everything = begin + 8, begin + 8 + entry
    if _read(file, begin + 4, 4) == 2 and _read(file, everything + size, size) == 0:
        result.overwrite(nothing, (_read(file, nothing, size) + ticks).to_bytes(size))
        heard = max(0, _read(file, everything, size) - ticks)
        result.overwrite(everything, heard.to_bytes(size) + samples.to_bytes(size))


def _timescale(file: BinaryIO, begin: int) -> int:
    """Return the ticks per second of an mvhd or mdhd box."""
    return _read(file, begin + (20 if _read(file, begin, 1) else 12), 4)


def _moov(file: BinaryIO) -> Span:
    return next(_find(file, (0, file.seek(0, 2)), "moov"))


def _find(file: BinaryIO, inside: Span, kind: str, *path: str) -> Iterator[Span]:
    """Yield all boxes at a path of types."""
    begin, end = inside
    while begin + 8 <= end:
        size = _read(file, begin, 4)
        if _read(file, begin + 4, 4) == int.from_bytes(kind.encode()):
            found = (begin + 8, begin + size)
            yield from _find(file, found, *path) if path else (found,)
        if size < 8:
            return  # of a form that only the mdat has, and the moov lies in front of it
        begin += size


def _read(file: BinaryIO, position: int, size: int) -> int:
    file.seek(position)
    return int.from_bytes(file.read(size))
