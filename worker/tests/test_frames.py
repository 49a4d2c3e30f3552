"""Each frame comes back at its own time, whatever the clock, the order of coding, the fields, the cuts and sizes."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av.container import InputContainer

from worker.errors import CorruptInput
from worker.sandbox import EngineResult
from worker.tests.boxes import Box, parse
from worker.tests.media import Clip, frames_of, make_clip
from worker.tests.same_video import look_at, main_video
from worker.tests.splice import joined_in_band, joined_with_two_descriptions, set_duration

Engine = Callable[..., tuple[Path, Path, EngineResult]]
Marked = Callable[..., EngineResult]

MICROSECONDS = Fraction(1, 1_000_000)
TEN_MINUTES = Clip(times=(0, 600 * 12800), languages=())


def _deep(clip: Clip) -> Clip:
    return replace(clip, codec="libx265", pixel_format="yuv420p10le")


def _row(area: str, given: str, outcome: str, clip: Clip) -> Any:
    return pytest.param(clip, id=given, marks=pytest.mark.input_row(area, given, outcome))


ROWS = [
    _row("Time", "a single frame", "a single frame", Clip(seconds=0.04, languages=())),
    _row("Time", "a single frame of 10 bits", "a single frame",
         _deep(Clip(seconds=0.04, languages=(), b_frames=0))),
    _row("Time", "two frames of 10 bits", "both", _deep(Clip(seconds=0.08, languages=(), b_frames=0))),
    _row("Time", "two frames, ten minutes apart", "the same", TEN_MINUTES),
    _row("Time", "two frames of 10 bits, ten minutes apart", "the same", _deep(replace(TEN_MINUTES, b_frames=0))),
    _row("Time", "a clock of a million ticks a second", "the same times",
         Clip(times=tuple(index * 33_333 + index % 3 for index in range(12)), time_base=MICROSECONDS, languages=())),
    _row("Time", "variable frame rate, 10 bits", "each frame at its own time", _deep(
        Clip(times=(0, 3003, 3500, 9009, 12012, 30030, 30031, 45000), time_base=Fraction(1, 90000), languages=()))),
    _row("Time", "video of 10 bits starts 1.5 s late", "1.5 s late",
         _deep(Clip(times=tuple(range(19200, 25600, 512))))),
    _row("Time", "negative composition offsets", "the same times",
         Clip(seconds=0.4, languages=(), movflags="+negative_cts_offsets")),
]  # fmt: skip


@pytest.mark.parametrize("clip", ROWS)
def test_each_frame_has_its_own_time(marked: Marked, tmp_path: Path, clip: Clip) -> None:
    result = marked(make_clip(tmp_path / "source.mp4", clip))
    assert result.frames == len(clip.frame_times())
    assert result.notes == []


@pytest.mark.parametrize("deep", [False, True], ids=["8", "10"])
@pytest.mark.input_row("Time", "an edit list that begins within a group of pictures", "begins with the same frame")
def test_an_edit_list_that_cuts_the_start(marked: Marked, tmp_path: Path, deep: bool) -> None:
    clip = Clip(seconds=0.8, languages=(), movflags="+disable_chpl", grey=None)
    source = make_clip(tmp_path / "source.mp4", _deep(clip) if deep else clip)
    boxes = parse(source.read_bytes())
    movie = next(box for box in boxes if box.kind == "moov")
    edits = movie.one("trak", "edts", "elst")
    duration, start = (int.from_bytes(edits.payload[at : at + 4]) for at in (8, 12))
    cut = 7 * 512
    edits.payload = (
        edits.payload[:8] + (duration - cut * 1000 // 12800).to_bytes(4) + (start + cut).to_bytes(4)
        + edits.payload[16:]
    )  # fmt: skip
    set_duration(movie, 13 * 512)
    source.write_bytes(b"".join(map(bytes, boxes)))
    assert len(frames_of(source)) == 13
    assert marked(source, outside=0.95).notes == []


@pytest.mark.parametrize(
    ("codec", "parameters"),
    [("libx264", {"x264-params": "open-gop=1:keyint=6:min-keyint=6:scenecut=0"}),
     ("libx265", {"x265-params": "open-gop=1:keyint=6:min-keyint=6:scenecut=0:b-adapt=0"})],
    ids=["h264", "hevc"],
)  # fmt: skip
@pytest.mark.input_row("Time", "a recording cut off in front of an open group of pictures", "begins where players do")
def test_a_cut_in_front_of_an_open_group(
    engine_in_process: Engine, tmp_path: Path, codec: str, parameters: dict[str, str]
) -> None:  # fmt: skip
    whole = make_clip(
        tmp_path / "whole.mp4",
        Clip(codec=codec, seconds=1.2, languages=(), grey=None, options=parameters, b_frames=3),
    )
    source = tmp_path / "source.mp4"
    with av.open(str(whole)) as movie, av.open(str(source), "w") as cut:
        _copy_from_second_keyframe(movie, cut)
    boxes = parse(source.read_bytes())
    track = next(box for box in boxes if box.kind == "moov").one("trak")
    track.children = [box for box in track.children if box.kind != "edts"]  # which would hide them
    source.write_bytes(b"".join(map(bytes, boxes)))
    shown = len(frames_of(source))
    with av.open(str(source)) as movie:
        listed = sum(not entry.is_discard for entry in main_video(movie).index_entries)
    assert 0 < listed - shown <= 3
    _, output, result = engine_in_process(source)
    assert look_at(output).times == look_at(source).times
    assert result.frames == shown
    assert [note.split(" need")[0] for note in result.notes] == [f"The first {listed - shown} frames"]


def _copy_from_second_keyframe(movie: InputContainer, output: Any) -> None:
    stream = main_video(movie)
    target = output.add_stream_from_template(stream)
    keyframes = 0
    for packet in movie.demux(stream):
        keyframes += packet.is_keyframe and packet.size > 0
        if keyframes >= 2 and packet.size:
            packet.stream = target
            output.mux(packet)


@pytest.mark.parametrize(
    ("field_order", "expected"), [("tff", 2), ("bff", 3)], ids=["top field first", "bottom field first"]
)
@pytest.mark.input_row("Picture", "interlaced", "interlaced, the same field first")
def test_interlaced_stays_interlaced(marked: Marked, tmp_path: Path, field_order: str, expected: int) -> None:
    clip = Clip(seconds=0.2, languages=(), interlaced=True, options={"x264-params": f"{field_order}=1"})
    source = make_clip(tmp_path / "source.mp4", clip)
    assert marked(source).notes == []
    orders = []
    for path in (source, tmp_path / "output.mp4"):
        assert all(frame.interlaced_frame for frame in frames_of(path))
        with av.open(str(path)) as movie:
            context = main_video(movie).codec_context
            next(movie.decode(video=0))
            orders.append(context.field_order)
    assert orders[0] == orders[1]
    assert orders[0] in (expected, expected + 2)


@pytest.mark.parametrize("codec", ["libx264", "prores_ks"])
@pytest.mark.input_row("Picture", "interlaced, 10 bits", "interlaced, 8 bits, with a note")
def test_interlaced_of_ten_bits(marked: Marked, tmp_path: Path, codec: str) -> None:
    depth = {"libx264": "yuv420p10le", "prores_ks": "yuv422p10le"}[codec]
    source = make_clip(
        tmp_path / "source.mov",
        Clip(codec=codec, pixel_format=depth, seconds=0.2, languages=(), interlaced=True, format="mov"),
    )
    result = marked(source)
    assert result.codec == "h264"
    assert all(frame.interlaced_frame for frame in frames_of(tmp_path / "output.mp4"))
    assert len(result.notes) == 1
    assert "8" in result.notes[0]


@pytest.mark.input_row("Picture", "interlaced, profile av1", "H.264, interlaced, with a note")
def test_av1_has_no_fields(marked: Marked, tmp_path: Path) -> None:
    result = marked(make_clip(tmp_path / "source.mp4", Clip(seconds=0.2, languages=(), interlaced=True)), profile="av1")
    assert result.codec == "h264"
    assert result.notes == ["AV1 has no interlaced pictures: another codec was taken."]


@pytest.mark.parametrize("join", [joined_in_band, joined_with_two_descriptions])
@pytest.mark.input_row("Picture", "a size that changes on the way", "the first size, with a note")
def test_a_size_that_changes_on_the_way(
    engine_in_process: Engine, tmp_path: Path, join: Callable[[Path, Path, Path], Path]
) -> None:
    large = make_clip(tmp_path / "large.mp4", Clip(seconds=0.4, languages=(), b_frames=0, movflags="+disable_chpl"))
    small = make_clip(
        tmp_path / "small.mp4", Clip(160, 90, seconds=0.4, languages=(), b_frames=0, movflags="+disable_chpl")
    )
    source = join(large, small, tmp_path / "source.mp4")
    sizes = [(frame.width, frame.height) for frame in frames_of(source)]
    assert sizes == [(320, 180)] * 10 + [(160, 90)] * 10
    _, output, result = engine_in_process(source, position="center", width="50%")
    assert look_at(output).times == look_at(source).times
    for frame in frames_of(output):
        assert (frame.width, frame.height) == (320, 180)
        image = frame.to_image()
        assert image.getpixel((160, 90))[0] > 200 > 60 > image.getpixel((160, 90))[1]
        assert all(abs(value - 128) <= 3 for value in image.getpixel((20, 20)))
    assert result.notes == ["The picture changes its size on the way, to 160x90: it was scaled to 320x180."]


def test_a_size_that_changes_is_not_copied_in_part(engine_in_process: Engine, tmp_path: Path) -> None:
    large = make_clip(tmp_path / "large.mp4", Clip(seconds=4, languages=(), b_frames=0, movflags="+disable_chpl"))
    small = make_clip(
        tmp_path / "small.mp4", Clip(160, 90, seconds=4, languages=(), b_frames=0, movflags="+disable_chpl")
    )
    source = joined_with_two_descriptions(large, small, tmp_path / "source.mp4")
    _, output, result = engine_in_process(source, position="center", width="50%", start=7.8)
    assert result.render["mode"] == "full"
    assert {(frame.width, frame.height) for frame in frames_of(output)} == {(320, 180)}
    assert result.notes == ["The picture changes its size on the way, to 160x90: it was scaled to 320x180."]


@pytest.mark.input_row("Time", "a frame with the time of the one before it", "left out; the record says so")
@pytest.mark.input_row("Refused", "many frames without a time of their own", "`CORRUPT_INPUT`")
def test_times_that_do_not_increase(engine_in_process: Engine, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4", Clip(seconds=0.6, languages=(), b_frames=0, movflags="+disable_chpl"))
    boxes = parse(source.read_bytes())
    table = next(box for box in boxes if box.kind == "moov").one("trak", "mdia", "minf", "stbl")
    for duplicates, expected in ((1, 14), (8, None)):
        _give_no_time(table, 15, duplicates)
        source.write_bytes(b"".join(map(bytes, boxes)))
        if expected is None:
            with pytest.raises(CorruptInput, match="do not increase"):
                engine_in_process(source)
        else:
            _, output, result = engine_in_process(source)
            assert result.frames == len(frames_of(output)) == expected
            assert result.notes == ["A frame had no time of its own and was left out."]


def _give_no_time(table: Box, frames: int, without: int) -> None:
    """Let `without` frames last for no time, so that the next one has their time too."""
    runs = [(1, 512), (without, 0), (frames - 1 - without, 512)]
    content = b"".join(count.to_bytes(4) + ticks.to_bytes(4) for count, ticks in runs)
    table.one("stts").payload = bytes(4) + len(runs).to_bytes(4) + content
