"""The file around the tracks: boxes in any order and size, fragments, edit lists, tracks that MP4 has no place for."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from worker.engine.claims import MAX_EDITS
from worker.errors import UnsupportedInput
from worker.sandbox import EngineResult
from worker.tests.boxes import Box, edit_moov, integers, parse, set_edits, timescale
from worker.tests.media import Clip, Sound, Subtitles, make_clip
from worker.tests.same_video import look_at

Marked = Callable[..., EngineResult]

END = "-faststart"  # movflags that leave the moov at the end
NORMAL_SPEED = 1 << 16


def moov_of(path: Path) -> Box:
    return next(box for box in parse(path.read_bytes()) if box.kind == "moov")


@pytest.mark.input_row("Container", "moov at its end", "moov in front")
def test_the_index_at_the_end(marked: Marked, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4", Clip(movflags=END, seconds=0.4))
    assert parse(source.read_bytes())[-1].kind == "moov"
    assert marked(source).notes == []


@pytest.mark.input_row("Container", "an old MOV: wide and mdat first, no ftyp", "an MP4 with the same tracks")
def test_a_quicktime_file_without_a_type(marked: Marked, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mov", Clip(format="mov", movflags=END, seconds=0.4))
    content = source.read_bytes()
    kinds = [box.kind for box in parse(content)]
    assert kinds == ["ftyp", "wide", "mdat", "moov"]
    shift = int.from_bytes(content[:4])
    source.write_bytes(content[shift:])

    def move(moov: Box) -> None:
        for table in (box for box in moov.walk() if box.kind == "stco"):
            offsets = [offset - shift for offset in integers(table.payload, start=8)]
            table.payload = table.payload[:8] + struct.pack(f">{len(offsets)}I", *offsets)

    assert marked(edit_moov(source, move)).notes == []


@pytest.mark.input_row("Container", "an mdat with a size of 64 bits", "the same tracks")
def test_a_large_mdat(marked: Marked, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4", Clip(movflags=END, seconds=0.4))
    content = bytearray(source.read_bytes())
    at = content.index(b"\0\0\0\x08free")
    assert content[at + 12 : at + 16] == b"mdat"
    size = int.from_bytes(content[at + 8 : at + 12])
    content[at : at + 16] = b"\0\0\0\x01mdat" + (size + 8).to_bytes(8)
    source.write_bytes(content)
    assert marked(source).notes == []


@pytest.mark.input_row("Container", "chunk offsets of 64 bits (co64)", "the same tracks")
def test_large_offsets(marked: Marked, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4", Clip(movflags=END, seconds=0.4))

    def widen(moov: Box) -> None:
        for table in (box for box in moov.walk() if box.kind == "stco"):
            offsets = integers(table.payload, start=8)
            table.kind, table.payload = "co64", table.payload[:8] + struct.pack(f">{len(offsets)}Q", *offsets)

    assert marked(edit_moov(source, widen)).notes == []


@pytest.mark.input_row("Container", "free, XMP and unknown boxes", "the same tracks without them")
def test_boxes_that_say_nothing(marked: Marked, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4", Clip(movflags=END, seconds=0.4))
    xmp = Box("uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + b"<?xpacket begin=''?><x:xmpmeta/>")

    def add(moov: Box) -> None:
        moov.children += [Box("free", bytes(100)), xmp, Box("zzzz", b"?")]

    edit_moov(source, add)
    with source.open("ab") as file:
        file.write(bytes(Box("free", bytes(1000))) + bytes(xmp))
    assert marked(source).notes == []


@pytest.mark.input_row(
    "Container", "fragmented, without the length of its fragments (mehd)", "one piece, the same times"
)
@pytest.mark.parametrize("flags", ["+frag_keyframe+empty_moov", "+frag_keyframe+delay_moov+default_base_moof"])
def test_fragments(marked: Marked, tmp_path: Path, flags: str) -> None:
    source = make_clip(tmp_path / "source.mp4", Clip(movflags=flags, seconds=0.6, options={"g": "5"}))
    boxes = parse(source.read_bytes())
    assert [box.kind for box in boxes].count("moof") >= 3
    assert not boxes[1].all("mvex", "mehd")
    assert marked(source).notes == []


EMPTY = -1
EDITS = {
    # name: what comes out, the picture's edits and the sound's in milliseconds: length, start, speed
    "an edit list that skips 0.2 s at the start": (((600, 200, 1),), ((600, 200, 1),)),
    "an edit list that cuts 0.2 s at the end": (((800, 0, 1),), ((800, 0, 1),)),
    "an edit list that cuts the middle out": (((400, 0, 1), (400, 600, 1)), ((400, 0, 1), (400, 600, 1))),
    "an edit list that begins with nothing for the picture": (((500, EMPTY, 1), (1000, 0, 1)), ((1000, 0, 1),)),
    "an edit list that begins with nothing for the sound": (((1000, 0, 1),), ((250, EMPTY, 1), (960, 0, 1))),
    "an edit list that begins between two frames": (((700, 290, 1),), ((710, 290, 1),)),
}


def with_edits(path: Path, *edits: tuple[tuple[int, int, float], ...]) -> Path:
    """Write a clip whose picture and sound have these edits, in milliseconds."""
    clip = Clip(movflags=END, seconds=1, grey=None, options={"g": "10"}, sounds=(Sound(),), languages=())

    def change(moov: Box) -> None:
        movie = timescale(moov.one("mvhd"))
        for track, wanted in zip(moov.all("trak"), edits, strict=True):
            clock = timescale(track.one("mdia", "mdhd"))
            delay = integers(track.one("edts", "elst").payload)[3]  # of reordered frames, or of the encoder
            set_edits(track, *(
                (length * movie // 1000, EMPTY if start == EMPTY else delay + start * clock // 1000,
                 int(speed * NORMAL_SPEED))
                for length, start, speed in wanted
            ))  # fmt: skip

    return edit_moov(make_clip(path, clip), change)


@pytest.mark.parametrize(("picture", "sound"), [
    pytest.param(*edits, id=name, marks=pytest.mark.input_row("Time", name, "seen and heard as the list says"))
    for name, edits in EDITS.items()
])  # fmt: skip
def test_edit_lists(
    marked: Marked, tmp_path: Path, picture: tuple[tuple[int, int, int], ...], sound: tuple[tuple[int, int, int], ...]
) -> None:
    source = with_edits(tmp_path / "source.mp4", picture, sound)
    assert look_at(source).times != look_at(make_clip(tmp_path / "plain.mp4", Clip(seconds=1))).times or sound[0][1]
    assert marked(source).notes == []


# FFmpeg, and Chromium with it, shows the beginning at normal speed and nothing of the rest.
SPEEDS = {"twice as fast": (500, 0, 2), "at half the speed": (2000, 0, 0.5), "held still": (400, 200, 0),
          "backwards": (1000, 0, -1)}  # fmt: skip


@pytest.mark.parametrize("edit", [
    pytest.param(edit, id=name, marks=pytest.mark.input_row("Refused", f"an edit list that plays it {name}",
                                                            "`UNSUPPORTED_INPUT`"))
    for name, edit in SPEEDS.items()
])  # fmt: skip
@pytest.mark.parametrize("track", ["picture", "sound"])
def test_edit_lists_with_another_speed_are_refused(
    engine_in_process: Callable[..., object], tmp_path: Path, edit: tuple[int, int, float], track: str
) -> None:
    normal = (1000, 0, 1.0)
    edits = ((edit,), (normal,)) if track == "picture" else ((normal,), (normal, edit))
    with pytest.raises(UnsupportedInput, match=f"at {edit[2]:g} times its speed"):
        engine_in_process(with_edits(tmp_path / "source.mp4", *edits))


def test_the_speed_of_nothing_counts_for_nothing(marked: Marked, tmp_path: Path) -> None:
    source = with_edits(tmp_path / "source.mp4", ((200, EMPTY, 0), (1000, 0, 1)), ((1000, 0, 1),))
    assert marked(source).notes == []


@pytest.mark.parametrize("version", [0, 1])
def test_long_edit_lists_of_either_version(
    engine_in_process: Callable[..., object], tmp_path: Path, version: int
) -> None:
    source = with_edits(tmp_path / "source.mp4", ((1000, 0, 1),), ((1000, 0, 1),))

    def lengthen(moov: Box) -> None:
        edit = struct.pack(">Qqi" if version else ">Iii", 1, 0, NORMAL_SPEED)
        fast = struct.pack(">Qqi" if version else ">Iii", 1, 0, 2 * NORMAL_SPEED)
        moov.one("trak", "edts", "elst").payload = struct.pack(">II", version << 24, 5001) + 5000 * edit + fast

    with pytest.raises(UnsupportedInput, match="at 2 times its speed"):
        engine_in_process(edit_moov(source, lengthen))


def test_an_edit_list_without_end(engine_in_process: Callable[..., object], tmp_path: Path) -> None:
    source = with_edits(tmp_path / "source.mp4", ((1000, 0, 1),), ((1000, 0, 1),))

    def lengthen(moov: Box) -> None:
        edits = (MAX_EDITS + 1) * struct.pack(">Iii", 1, 0, NORMAL_SPEED)
        moov.one("trak", "edts", "elst").payload = struct.pack(">II", 0, MAX_EDITS + 1) + edits

    with pytest.raises(UnsupportedInput, match="100,000 parts"):
        engine_in_process(edit_moov(source, lengthen))


def as_other_track(handler: bytes, entry: bytes) -> Callable[[Box], None]:
    """Return a change that makes the last track one of another kind."""

    def change(moov: Box) -> None:
        media = moov.all("trak")[-1].one("mdia")
        head = media.one("hdlr")
        head.payload = head.payload[:8] + handler + head.payload[12:24] + b"Meter\0"
        description = media.one("minf", "stbl", "stsd")
        description.payload = description.payload[:12] + entry + description.payload[16:]

    return change


DATA = {
    "telemetry of a GoPro (gpmd)": (b"meta", b"gpmd"),
    "metadata of an iPhone (mebx)": (b"meta", b"mebx"),
    "a hint track (rtp)": (b"hint", b"rtp "),
}


@pytest.mark.parametrize(("handler", "entry"), [
    pytest.param(*kinds, id=name, marks=pytest.mark.input_row("Container", name, "left out; the record says so"))
    for name, kinds in DATA.items()
])  # fmt: skip
def test_data_tracks_are_named_in_the_record(marked: Marked, tmp_path: Path, handler: bytes, entry: bytes) -> None:
    data = Subtitles(((0, 100, "data", b""), (100, 200, "data", b"")))
    source = make_clip(tmp_path / "source.mp4", Clip(movflags=END, seconds=0.2, subtitles=(data,)))
    (note,) = marked(edit_moov(source, as_other_track(handler, entry))).notes
    assert note == "The data stream 2 (Meter) cannot be kept and was left out."


@pytest.mark.input_row("Sound", "sound in a codec that nobody knows", "left out; the record says so")
def test_unknown_sound_costs_no_video(marked: Marked, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4", Clip(movflags=END, seconds=0.2))
    edit_moov(source, as_other_track(b"soun", b"xyzw"))
    source.write_bytes(source.read_bytes().replace(b"esds", b"zzzz"))
    (note,) = marked(source, left_out={1}).notes
    assert note == "The sound of stream 1 (unknown) does not fit into MP4 and was left out."


@pytest.mark.input_row("Container", "a track without a single packet", "left out; the record says so")
@pytest.mark.parametrize("sound", [Sound(seconds=0.1), Sound("pcm_s16le", seconds=0.1)], ids=["AAC", "PCM"])
def test_an_empty_track(marked: Marked, tmp_path: Path, sound: Sound) -> None:
    clip = Clip(movflags=END, seconds=0.2, languages=(), sounds=(sound,), format="mov")
    source = make_clip(tmp_path / "source.mov", clip)

    def empty(moov: Box) -> None:
        table = moov.all("trak")[-1].one("mdia", "minf", "stbl")
        for box in table.children:
            if box.kind in ("stts", "stsc", "stco"):
                box.payload = bytes(8)
            elif box.kind == "stsz":
                box.payload = bytes(12)

    (note,) = marked(edit_moov(source, empty), left_out={1}).notes
    assert note == "The audio stream 1 was empty."


@pytest.mark.input_row("Container", "a second video track", "left out; the record says so")
def test_a_second_picture(marked: Marked, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4", Clip(movflags=END, seconds=0.2))

    def double(moov: Box) -> None:
        second = parse(bytes(moov.one("trak")))[0]
        header = second.one("tkhd")
        header.payload = header.payload[:12] + (9).to_bytes(4) + header.payload[16:]
        moov.children.append(second)

    (note,) = marked(edit_moov(source, double), left_out={2}).notes
    assert note == "The second video stream 2 (h264) cannot be kept and was left out."
