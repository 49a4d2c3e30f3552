"""The one assertion behind the table of inputs: a result is its source plus a watermark, and nothing else.

It looks at both files from outside, with a decoder of its own: times are exact fractions, copied tracks are compared
packet by packet, the picture by SSIM, the mark's colours by sampling. `compare` does all of it for a file that was
marked with `MARK`. Most tests want the fixture `marked` of conftest.py, which runs the engine and then this:

    @pytest.mark.input_row("Picture", "H.264 that a phone wrote upright", "the same, turned by the same display matrix")
    def test_a_phone(marked: Marked, tmp_path: Path) -> None:
        result = marked(make_clip(tmp_path / "source.mp4", Clip(rotation=90)))
        assert result.notes == []
"""

import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import av.rational
from av import VideoFrame
from av.container import InputContainer
from av.stream import Disposition, Stream
from PIL import Image

from worker.tests.pixels import Colour, as_viewed, displayed_size, is_full_range, luma_of, plane, sample_rgb, ssim

# The mark that all rows get: four colours, so that a wrong matrix or range shows in at least one of them.
COLOURS: tuple[Colour, ...] = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))
_CORNERS = ((0, 0), (1, 0), (0, 1), (1, 1))  # of the mark, in units of its half, in the order of COLOURS
_WIDTH, _MARGIN = 0.4, 0.05  # shares of the displayed width
MARK = {"image": "four.png", "position": "bottom-right", "width": "40%", "margin": "5%"}

COLOUR_TOLERANCE = 3  # of 255
_BLEED = 16  # samples around the mark that the encoder may touch: a macroblock
_TAGS_OF_THE_FILE = "major_brand|minor_version|compatible_brands|encoder"  # and not of the movie in it
_BRANDS = ("isom", "iso6", "mp41", "mp42")


def draw_mark(path: Path) -> Path:
    """Write the image that `MARK` names, 128x64."""
    image = Image.new("RGB", (128, 64))
    for (x, y), colour in zip(_CORNERS, COLOURS, strict=True):
        image.paste(colour, (64 * x, 32 * y, 64 * x + 64, 32 * y + 32))
    image.save(path)
    return path


@dataclass(frozen=True)
class Measured:
    """What was found, for the table.

    Attributes:
        frames: Frames whose times were compared.
        packets: Packets of copied tracks that were compared.
        outside, inside: The least SSIM of a frame, without the mark and its surroundings, and of the mark alone.
        colour: By how much of 255 the mark's colours are off at most.
    """

    frames: int
    packets: int
    outside: float
    inside: float
    colour: float


def compare(
    source: Path,
    output: Path,
    *,
    colours: Sequence[Colour] = COLOURS,
    outside: float = 0.97,
    inside: float = 0.9,
    left_out: Collection[int] = (),
    coded_anew: Collection[int] = (),
) -> Measured:
    """Assert that `output` is `source` with the mark, and return how near it is.

    Args:
        colours: The RGB code values, of 255, that the mark's colours have in this video (other ones in HDR).
        outside, inside: Bounds for the SSIM of each frame.
        left_out: Indices of those tracks of the source that the result may not have.
        coded_anew: Indices of those of which only names and dispositions are compared, and not packets.
    """
    assert_moov_in_front(output)
    before, after = look_at(source), look_at(output)
    assert after.times == before.times
    wanted = [track for track in before.tracks if track.index not in left_out]
    packets = 0
    for one, other in zip(wanted, after.tracks, strict=True):
        anew = one.index in coded_anew
        assert other.names == (replace(one.names, codec=other.names.codec) if anew else one.names)
        if not anew:
            assert other.packets == one.packets, f"the {one.names.kind} track {one.index} differs"
            packets += len(one.packets)
    assert after.picture == before.picture
    assert after.chapters == before.chapters
    assert after.tags == before.tags
    assert after.timecodes == before.timecodes
    assert after.brand in _BRANDS
    # How long the last of reordered frames of varying distance stays, mp4 cannot say.
    gaps = {later - earlier for earlier, later in pairwise(before.times)}
    assert abs(after.last - before.last) <= (max(gaps) if len(gaps) > 1 else Fraction(2, 1000))
    measured = _compare_pictures(source, output, before.picture.aspect, colours)
    assert measured[0] >= outside, f"SSIM {measured[0]:.4f} outside of the mark"
    assert measured[1] >= inside, f"SSIM {measured[1]:.4f} inside of the mark"
    assert measured[2] <= COLOUR_TOLERANCE, f"the mark's colours are off by {measured[2]:.1f} of 255"
    return Measured(len(before.times), packets, *measured)


def assert_moov_in_front(path: Path) -> None:
    boxes = list(top_boxes(path))
    assert boxes[0] == "ftyp"
    assert boxes.index("moov") < boxes.index("mdat")
    assert "moof" not in boxes


def top_boxes(path: Path) -> Iterator[str]:
    """Yield the types of a file's top-level boxes (ISO/IEC 14496-12, 4.2)."""
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            size, kind = int.from_bytes(head[:4]), head[4:].decode("latin-1")
            yield kind
            if size == 1:
                size = int.from_bytes(file.read(8)) - 8
            if size == 0:
                return
            file.seek(size - 8, 1)


@dataclass(frozen=True)
class PacketLook:
    """A packet from outside; `trimmed` is what a decoder drops of its samples, as FFmpeg writes it."""

    pts: Fraction | None
    dts: Fraction | None
    duration: Fraction
    is_keyframe: bool
    trimmed: bytes
    sha256: str


@dataclass(frozen=True)
class Names:
    """What is said about a track."""

    kind: str
    codec: str
    language: str
    title: str
    handler: str
    disposition: int


@dataclass(frozen=True)
class TrackLook:
    """A track other than the picture and data."""

    index: int
    names: Names
    packets: tuple[PacketLook, ...]


@dataclass(frozen=True)
class PictureLook:
    """How the picture is to be shown."""

    aspect: Fraction
    matrix: bytes
    names: Names


@dataclass(frozen=True)
class Look:
    """A movie from outside, without its samples; `last` is how long the last frame is shown."""

    times: list[Fraction]
    picture: PictureLook
    tracks: list[TrackLook]
    chapters: list[tuple[Fraction, Fraction, str]]
    tags: dict[str, str]
    timecodes: list[str]
    brand: str
    last: Fraction
    duration: Fraction


def look_at(path: Path) -> Look:
    """Read a whole movie."""
    times, last = _times(path)
    with av.open(str(path)) as movie:
        picture = main_video(movie)
        others = [stream for stream in movie.streams if stream is not picture and stream.type != "data"]
        packets: dict[int, list[PacketLook]] = {stream.index: [] for stream in others}
        for packet in movie.demux(*others) if others else ():
            # An empty text for no time is what FFmpeg's muxer puts at the end of subtitles.
            if packet.size and not (packet.stream.type == "subtitle" and not packet.duration and packet.size == 2):
                _add(_packet(packet), packet.is_discard, packets[packet.stream_index])
        return Look(
            times=times,
            picture=PictureLook(
                exact(picture.sample_aspect_ratio) or Fraction(1),
                bytes(picture.codec_context.coded_side_data.get("display_matrix", b"")),
                _names(picture, codec=""),
            ),
            tracks=[
                TrackLook(stream.index, _names(stream), tuple(packets[stream.index])) for stream in others
            ],
            chapters=[
                (
                    chapter["start"] * exact(chapter["time_base"]),
                    chapter["end"] * exact(chapter["time_base"]),
                    chapter["metadata"].get("title", ""),
                )
                for chapter in movie.chapters()
            ],
            tags={key: value for key, value in movie.metadata.items() if not re.match(_TAGS_OF_THE_FILE, key)},
            timecodes=[stream.metadata["timecode"] for stream in movie.streams if "timecode" in stream.metadata],
            brand=movie.metadata.get("major_brand", ""),
            last=last,
            duration=Fraction(movie.duration or 0, av.time_base),
        )  # fmt: skip


def main_video(movie: InputContainer) -> Any:
    """Return the first video stream that is no cover picture."""
    return next(stream for stream in movie.streams.video if not stream.disposition & Disposition.attached_pic)


def exact(rational: "av.rational.AVRational | None") -> Fraction:
    return Fraction(rational.numerator, rational.denominator) if rational and rational.denominator else Fraction(0)


def _times(path: Path) -> tuple[list[Fraction], Fraction]:
    """Return the times of all frames, and for how long the last one is shown."""
    with av.open(str(path)) as movie:
        picture = main_video(movie)
        shown = [(frame.pts, frame.duration) for frame in movie.decode(picture)]
        base = exact(picture.time_base)
        return [pts * base for pts, _ in shown], (shown[-1][1] or 0) * base


def _packet(packet: Any) -> PacketLook:
    base = exact(packet.time_base)
    trimmed = bytes(packet.get_sidedata("skip_samples")) if packet.has_sidedata("skip_samples") else b""
    return PacketLook(
        _ticks(packet.pts, base), _ticks(packet.dts, base), (packet.duration or 0) * base, packet.is_keyframe, trimmed,
        hashlib.sha256(bytes(packet)).hexdigest(),
    )  # fmt: skip


def _add(packet: PacketLook, is_hidden: bool, packets: list[PacketLook]) -> None:
    """Add a packet unless it lies in front of where an edit list goes on; it lasts until the next one at most."""
    last = packets[-1] if packets else None
    if last and last.dts is not None and packet.dts is not None:
        if is_hidden and packet.dts <= last.dts:
            return
        packets[-1] = replace(last, duration=min(last.duration, packet.dts - last.dts))
    packets.append(packet)


def _ticks(value: int | None, base: Fraction) -> Fraction | None:
    return None if value is None else value * base


def _names(stream: Stream, codec: str | None = None) -> Names:
    tags = stream.metadata
    name = stream.codec_context.name if codec is None and stream.codec_context else codec or ""
    return Names(
        kind=stream.type,
        codec=name,
        language=tags.get("language", "und"),
        title=tags.get("title", tags.get("name", "")),  # as MP4 and MOV call it
        handler=tags.get("handler_name", ""),
        disposition=int(stream.disposition),
    )


def _compare_pictures(
    source: Path, output: Path, aspect: Fraction, colours: Sequence[Colour]
) -> tuple[float, float, float]:
    outside, inside, off = 1.0, 1.0, 0.0
    with av.open(str(source)) as before, av.open(str(output)) as after:
        for one, other in zip(before.decode(main_video(before)), after.decode(main_video(after)), strict=True):
            near = _compare_frames(one, other, aspect, colours)
            outside, inside, off = min(outside, near[0]), min(inside, near[1]), max(off, near[2])
    return outside, inside, off


def _colour_tags(frame: VideoFrame) -> tuple[int, int, int, bool]:
    # Of the range only whether it is full: limited is what decoders take an untagged one for.
    return frame.colorspace, frame.color_primaries, frame.color_trc, is_full_range(frame)


def _compare_frames(
    one: VideoFrame, other: VideoFrame, aspect: Fraction, colours: Sequence[Colour]
) -> tuple[float, float, float]:
    assert (other.width - one.width, other.height - one.height) == (one.width % 2, one.height % 2)
    assert _colour_tags(other) == _colour_tags(one)
    assert one.interlaced_frame == other.interlaced_frame
    before = as_viewed(plane(one, 0), one)
    after = as_viewed(plane(other, 0).crop((0, 0, one.width, one.height)), other)
    width, height = displayed_size(one, aspect)
    right, bottom = (1 - _MARGIN) * width, height - _MARGIN * width
    left, top = right - _WIDTH * width, bottom - _WIDTH * width / 2

    def to_samples(x: float, y: float) -> tuple[int, int]:
        return round(x * before.width / width), round(y * before.height / height)

    box = (*to_samples(left, top), *to_samples(right, bottom))
    around = (box[0] - _BLEED, box[1] - _BLEED, box[2] + _BLEED, box[3] + _BLEED)
    hidden = Image.new("L", before.size)
    hidden.paste(255, around)
    off = 0.0
    for (x, y), colour in zip(_CORNERS, colours, strict=True):
        half, tall = (right - left) / 2, (bottom - top) / 2
        quarter = (left + x * half, top + y * tall, left + x * half + half, top + y * tall + tall)
        before.paste(luma_of(colour, other), (*to_samples(*quarter[:2]), *to_samples(*quarter[2:])))
        middle = ((quarter[0] + half / 2) / width, (quarter[1] + tall / 2) / height)
        found = sample_rgb(other, *middle)
        off = max(off, *(abs(a - b) for a, b in zip(found, colour, strict=True)))
    return ssim(before, after, hidden), ssim(before.crop(box), after.crop(box)), off
