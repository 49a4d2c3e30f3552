"""Movies whose picture changes its size on the way, of two clips: H.264 without B-frames, with the index behind."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av import Packet

from worker.tests.boxes import Box, integers, parse
from worker.tests.same_video import main_video

_TICKS = 512  # of the clips' clock, for each frame


def joined_in_band(first: Path, second: Path, target: Path) -> Path:
    """Join two clips in one track whose parameter sets lie among the samples, as cameras and streams write it."""
    with av.open(str(target), "w", options={"video_track_timescale": "12800"}) as output:
        with av.open(str(first)) as movie:
            stream = output.add_stream_from_template(main_video(movie))
        for number, sample in enumerate(sample for clip in (first, second) for sample in _with_their_sets(clip)):
            packet = Packet(sample)
            packet.stream, packet.time_base = stream, Fraction(1, 12800)
            packet.pts = packet.dts = number * _TICKS
            packet.duration, packet.is_keyframe = _TICKS, number == 0
            output.mux(packet)
    return target


def _with_their_sets(clip: Path) -> Iterator[bytes]:
    with av.open(str(clip)) as movie:
        stream = main_video(movie)
        sets = _parameter_sets(bytes(stream.codec_context.extradata))
        for packet in movie.demux(stream):
            if packet.size:
                yield (sets if packet.is_keyframe else b"") + bytes(packet)


def _parameter_sets(avcc: bytes) -> bytes:
    """Return the sets of an `avcC` record (ISO/IEC 14496-15, 5.3.3.1), each with a length of four bytes in front."""
    sets, position = b"", 6
    for part in range(2):
        count = avcc[5] & 31 if part == 0 else avcc[position - 1]
        for _ in range(count):
            size = int.from_bytes(avcc[position : position + 2])
            sets += size.to_bytes(4) + avcc[position + 2 : position + 2 + size]
            position += 2 + size
        position += 1
    return sets


def joined_with_two_descriptions(first: Path, second: Path, target: Path) -> Path:
    """Join two clips in one track with two sample descriptions, as editors write it."""
    tables, samples = [], []
    for clip in (first, second):
        content = clip.read_bytes()
        table = _moov(parse(content)).one("trak", "mdia", "minf", "stbl")
        tables.append(table)
        samples.append(_samples(content, table))
    boxes = parse(first.read_bytes())
    movie = _moov(boxes)
    every = samples[0] + samples[1]
    head = bytes(boxes[0])
    offsets, position = [], len(head) + 8
    for sample in every:
        offsets.append(position)
        position += len(sample)
    descriptions = b"".join(table.one("stsd").payload[8:] for table in tables)
    table = movie.one("trak", "mdia", "minf", "stbl")
    starts = (1, len(samples[0]) + 1)
    table.children = [
        Box("stsd", bytes(4) + _words(2) + descriptions),
        Box("stts", bytes(4) + _words(1, len(every), _TICKS)),
        Box("stss", bytes(4) + _words(2, *starts)),
        Box("stsc", bytes(4) + _words(2, 1, 1, 1, starts[1], 1, 2)),
        Box("stsz", bytes(4) + _words(0, len(every), *(len(sample) for sample in every))),
        Box("stco", bytes(4) + _words(len(every), *offsets)),
    ]
    track = movie.one("trak")
    track.children = [box for box in track.children if box.kind != "edts"]
    set_duration(movie, len(every) * _TICKS)
    target.write_bytes(head + bytes(Box("mdat", b"".join(every))) + bytes(movie))
    return target


def set_duration(movie: Box, ticks: int) -> None:
    """Say in all headers how long the movie and its one track last, in ticks of the track's clock."""
    track = movie.one("trak")
    scale = int.from_bytes(track.one("mdia", "mdhd").payload[12:16])
    of_movie = ticks * int.from_bytes(movie.one("mvhd").payload[12:16]) // scale
    for box, at, value in (
        (movie.one("mvhd"), 16, of_movie),
        (track.one("tkhd"), 20, of_movie),
        (track.one("mdia", "mdhd"), 16, ticks),
    ):
        box.payload = box.payload[:at] + value.to_bytes(4) + box.payload[at + 4 :]


def _moov(boxes: list[Box]) -> Box:
    return next(box for box in boxes if box.kind == "moov")


def _samples(content: bytes, table: Box) -> list[bytes]:
    """Return the samples of a track that has one description and lies in one piece."""
    sizes = integers(table.one("stsz").payload, start=12)
    position = integers(table.one("stco").payload, start=8)[0]
    samples = []
    for size in sizes:
        samples.append(content[position : position + size])
        position += size
    return samples


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(4) for value in values)
