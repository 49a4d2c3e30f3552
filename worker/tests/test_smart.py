"""Where the watermark shows in a part of the video only, the rest is copied: the same packets, to the bit."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av import VideoFrame
from PIL import Image

from worker.cli import main
from worker.engine.smart.avcc import AvcC
from worker.engine.smart.h264 import parse_sps, pps_id
from worker.engine.source import as_fraction
from worker.errors import WatermarkInvalid
from worker.local import run_local
from worker.sandbox import EngineResult
from worker.tests.groups import CLIPS, GROUP, MARK, changed_groups, digests, is_marked, moving, record_of, rewritten
from worker.tests.media import Clip, frames_of, make_clip
from worker.tests.same_video import look_at

Engine = Callable[..., tuple[Path, Path, EngineResult]]


@pytest.mark.parametrize("name", CLIPS)
def test_only_the_groups_that_the_mark_touches_are_new(engine_in_process: Engine, name: str) -> None:
    source, output, result = engine_in_process(CLIPS[name], start=0.7, end=0.8, **MARK)
    assert result.render == {
        "mode": "smart",
        "reason": "The groups of pictures that the watermark touches are 8 of 40 frames.",
        "frames_encoded": 8,
    }
    upright = CLIPS[name].rotation == 0
    shown = (lambda time: Fraction(7, 10) <= time < Fraction(8, 10)) if upright else None
    assert changed_groups(source, output, shown) == [2]


@pytest.mark.parametrize(
    ("times", "groups"),
    [
        ({"end": 0.1}, [0]),
        ({"start": 1.5}, [4]),
        ({"start": 0.25, "end": 0.7}, [0, 1, 2]),
        ({"start": 0.32, "end": 0.64}, [1]),
        ({"start": 0.32, "end": 0.65}, [1, 2]),
    ],
    ids=["at the start", "at the end", "longer than a group", "a group exactly", "a frame more than a group"],
)
def test_where_the_mark_is_shown(engine_in_process: Engine, times: dict[str, float], groups: list[int]) -> None:
    source, output, result = engine_in_process(moving(), **times, **MARK)
    assert result.render["frames_encoded"] == GROUP * len(groups)
    start, end = Fraction(str(times.get("start", 0))), Fraction(str(times.get("end", 9)))
    assert changed_groups(source, output, lambda time: start <= time < end) == groups


def test_variable_rate_and_video_that_starts_late(engine_in_process: Engine) -> None:
    times = [135000 + 3003 * index + 997 * (index * index % 3) for index in range(40)]
    clip = moving(times=times, time_base=Fraction(1, 90000), languages=("eng",))
    shown = Fraction(times[17], 90000), Fraction(times[20], 90000)
    source, output, result = engine_in_process(clip, start=float(shown[0]), end=float(shown[1]), **MARK)
    assert result.render["mode"] == "smart"
    assert changed_groups(source, output) == [2]


@pytest.mark.parametrize(
    ("clip", "reason"),
    [
        (moving(options={"g": "250"}), "are 40 of 40 frames"),
        (
            moving(b_frames=3, options={"x264-params": "open-gop=1", "b-pyramid": "normal"}),
            "are 40 of 40 frames",
        ),
        (moving(b_frames=0, options={"g": "1"}), "keep no frame"),
        (moving(interlaced=True), "interlaced"),
        (moving(pixel_format="yuv420p10le"), "not coded as H.264"),
        (moving(pixel_format="yuv444p"), "8-bit 4:2:0"),
        (moving(codec="libx265", options={}), "hevc"),
    ],
    ids=["one long group", "open groups", "single pictures", "interlaced", "10 bits", "4:4:4", "HEVC"],
)
def test_what_cannot_be_copied_in_parts_is_encoded_as_a_whole(
    engine_in_process: Engine, clip: Clip, reason: str
) -> None:
    source, output, result = engine_in_process(clip, start=0.7, end=0.8, **MARK)
    assert result.render["mode"] == "full"
    assert reason in result.render["reason"]
    assert result.render["frames_encoded"] == 40
    assert look_at(output).times == look_at(source).times
    assert [is_marked(frame) for frame in frames_of(output)].count(True) in (2, 3)


@pytest.mark.parametrize("times", [{}, {"start": 0.1}], ids=["always", "nearly always"])
def test_a_mark_that_is_shown_throughout_needs_no_plan(engine_in_process: Engine, times: dict[str, float]) -> None:
    _, _, result = engine_in_process(moving(), **times, **MARK)
    assert result.render == {"mode": "full", "reason": "The watermark is shown throughout.", "frames_encoded": 40}


def test_every_group_can_be_sought(engine_in_process: Engine) -> None:
    _, output, _ = engine_in_process(moving(), start=0.7, end=0.8, **MARK)
    frames = frames_of(output)
    with av.open(str(output)) as movie:
        video = movie.streams.video[0]
        for start in range(0, 40, GROUP):
            movie.seek(frames[start].pts or 0, stream=video)
            found = [frame for _, frame in zip(range(GROUP), movie.decode(video), strict=False)]
            assert digests(found) == digests(frames[start : start + GROUP])


def test_a_mark_between_two_frames_is_refused_without_encoding(engine_in_process: Engine) -> None:
    with pytest.raises(WatermarkInvalid, match="never visible"):
        engine_in_process(moving(), start=0.401, end=0.402, **MARK)


def test_several_marks_and_the_groups_between_them(tmp_path: Path, logo: Path) -> None:
    source, output, mark = make_clip(tmp_path / "source.mp4", moving()), tmp_path / "output.mp4", tmp_path / "mark.json"
    times = (0, 0.1), (0.7, 0.8), (1.5, 9)
    overlays = [{"image": logo.name, "start": start, "end": end, **MARK} for start, end in times]
    mark.write_text(json.dumps({"overlays": overlays}))
    result = run_local(source, output, mark, lambda *_: None)
    assert result.render["frames_encoded"] == 3 * GROUP
    exact_times = [(Fraction(str(start)), Fraction(str(end))) for start, end in times]
    shown = [0, 2, 4]
    assert changed_groups(source, output, lambda time: any(start <= time < end for start, end in exact_times)) == shown


def test_on_files_all_may_be_encoded_all_the_same(
    tmp_path: Path, logo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output, mark = make_clip(tmp_path / "source.mp4", moving()), tmp_path / "output.mp4", tmp_path / "mark.json"
    mark.write_text(json.dumps({"overlays": [{"image": logo.name, "end": 0.1}]}))
    arguments = ["local", str(source), str(output), "--watermark", str(mark)]
    assert main(arguments) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("1.6 s, 40 frames")
    assert second.startswith("h264, profile balanced; 32 frames copied, the others encoded: ")
    assert main([*arguments, "--encode-all"]) == 0
    assert "all frames encoded: To encode all of it was asked for." in capsys.readouterr().out
    assert len(changed_groups(source, output)) == 5


def test_a_result_of_the_smart_way_goes_through_it_again(engine_in_process: Engine, tmp_path: Path) -> None:
    hrd = moving(options={"x264-params": "nal-hrd=vbr:vbv-maxrate=2000:vbv-bufsize=4000"})
    _, first, result = engine_in_process(hrd, end=0.1, **MARK)
    again = first.rename(tmp_path / "again.mp4")
    source, output, result = engine_in_process(again, start=1.5, **MARK)
    assert result.render["mode"] == "smart"
    assert changed_groups(source, output) == [4]
    with av.open(str(output)) as movie:
        record = AvcC.parse(movie.streams.video[0].codec_context.extradata or b"")
    assert len({parse_sps(unit).id for unit in record.sps}) == len(record.sps) >= 2
    assert len({pps_id(unit) for unit in record.pps}) == len(record.pps) == 3


@pytest.mark.parametrize(("hidden", "encoded"), [(3, 5), (8, 0), (11, 5)])
def test_frames_that_an_edit_list_hides(engine_in_process: Engine, tmp_path: Path, hidden: int, encoded: int) -> None:
    whole = make_clip(tmp_path / "whole.mp4", moving(languages=("eng",)))
    source, output, result = engine_in_process(
        rewritten(whole, tmp_path / "source.mp4", hidden * 512), start=0.7, end=0.75, **MARK
    )
    assert result.frames == 40 - hidden
    assert result.render["frames_encoded"] == encoded + GROUP
    before, after = look_at(source), look_at(output)
    assert (after.times, after.duration) == (before.times, before.duration)
    pairs = list(zip(digests(frames_of(source)), digests(frames_of(output)), strict=True))
    assert sum(one != other for one, other in pairs) == encoded + GROUP


@pytest.mark.parametrize(
    ("start", "mode"),
    [(0.32, "smart"), (0.64, "full"), (0.96, "full"), (1.28, "smart")],
    ids=["before it", "on it", "after it", "far from it"],
)
def test_no_seam_lies_between_two_idr_pictures(
    engine_in_process: Engine, tmp_path: Path, start: float, mode: str
) -> None:
    """Consecutive ones have to have different numbers, and an encoder begins with any."""
    whole = make_clip(tmp_path / "whole.mp4", moving(b_frames=0))
    single = rewritten(whole, tmp_path / "source.mp4", without=range(2 * GROUP + 1, 3 * GROUP))
    source, output, result = engine_in_process(single, start=start, end=start + 0.01, **MARK)
    assert result.render["mode"] == mode
    assert ("between two IDR pictures" in result.render["reason"]) == (mode == "full")
    assert look_at(output).times == look_at(source).times


def test_nor_after_an_idr_picture_with_which_the_encoder_ends(engine_in_process: Engine) -> None:
    group = 251  # one more than x264's longest
    options = {"g": str(group), "keyint_min": str(group)}
    clip = Clip(128, 96, seconds=3 * group / 25, b_frames=0, languages=(), options=options)
    _, _, result = engine_in_process(clip, end=0.1, **MARK)
    assert result.render["mode"] == "full"
    assert "between two IDR pictures" in result.render["reason"]
    _, _, result = engine_in_process(clip, start=2 * group / 25, **MARK)
    assert result.render["mode"] == "smart"


def bare(whole: Path, target: Path, *, vui: bool) -> Path:
    """Write a copy that, as many phones', leaves it to decoders and the level how many frames are reordered."""
    record = record_of(whole)
    sps = parse_sps(record.sps[0])
    silent = replace(sps, restriction=None, vui=sps.vui if vui else "")
    return rewritten(whole, target, extradata=replace(record, sps=(sps.fitted_to(silent, sps.id),)).bytes())


@pytest.mark.parametrize("vui", [True, False])
def test_a_source_that_promises_nothing_about_its_frames(engine_in_process: Engine, tmp_path: Path, vui: bool) -> None:
    whole = make_clip(tmp_path / "whole.mp4", moving(b_frames=0))
    source, output, result = engine_in_process(
        bare(whole, tmp_path / "source.mp4", vui=vui), start=0.7, end=0.8, **MARK
    )
    assert [parse_sps(unit).restriction for unit in record_of(output).sps] == [None] * len(record_of(output).sps)
    assert result.render["frames_encoded"] == GROUP
    assert changed_groups(source, output, lambda time: Fraction(7, 10) <= time < Fraction(8, 10)) == [2]


def test_one_with_b_frames_is_encoded_as_a_whole(engine_in_process: Engine, tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mp4", moving(b_frames=2))
    _, _, result = engine_in_process(bare(whole, tmp_path / "source.mp4", vui=True), start=0.7, end=0.8, **MARK)
    assert result.render["mode"] == "full"
    assert "does not say how many frames" in result.render["reason"]


@pytest.mark.parametrize("kind", ["sps", "pps"])
def test_a_record_without_room_for_more_parameter_sets(engine_in_process: Engine, tmp_path: Path, kind: str) -> None:
    whole = make_clip(tmp_path / "whole.mp4", moving(b_frames=0))
    record = record_of(whole)
    full = replace(record, sps=record.sps * 31) if kind == "sps" else replace(record, pps=record.pps * 255)
    source = rewritten(whole, tmp_path / "source.mp4", extradata=full.bytes())
    assert record_of(source) == full
    _, output, result = engine_in_process(source, end=0.1, **MARK)
    assert result.render["mode"] == "full"
    assert "no room for more parameter sets" in result.render["reason"]
    assert len(frames_of(output)) == 40


def test_progress_counts_work_and_not_packets(engine_in_process: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.engine.__main__.SECONDS_BETWEEN_EVENTS", 0)
    _, output, result = engine_in_process(moving(), **MARK, start=1.28)
    assert result.render["frames_encoded"] == GROUP
    events = map(json.loads, output.with_suffix(".events").read_bytes().splitlines())
    told = [event["share"] for event in events if event["event"] == "progress" and event["phase"] == "ENCODING"]
    shares = [share for share in told if share > 0]
    assert len(shares) == 5 * GROUP
    assert shares == sorted(shares)
    assert shares[4 * GROUP - 1] < 0.05  # four of five groups are copied, in no time
    assert shares[-1] == 1


def test_what_is_encoded_again_has_not_far_more_bits_than_before(tmp_path: Path, logo: Path) -> None:
    """Noise that was compressed until little is left: a rate buffer for all of the video would let a piece grow."""
    source, output, mark = tmp_path / "in.mp4", tmp_path / "out.mp4", tmp_path / "mark.json"
    with av.open(str(source), "w") as movie:
        options = {"preset": "veryfast", "crf": "38", "g": "30", "sc_threshold": "0"}
        video = movie.add_stream("libx264", rate=30, options=options)
        video.width, video.height, video.pix_fmt = 640, 360, "yuv420p"
        for _ in range(240):
            movie.mux(video.encode(VideoFrame.from_image(Image.effect_noise((640, 360), 60))))
        movie.mux(video.encode(None))
    mark.write_text(json.dumps({"overlays": [{"image": logo.name, "start": 3.0, "end": 3.5}]}))
    result = run_local(source, output, mark, lambda *_: None)
    assert result.render["frames_encoded"] == 30
    # 1.5 times the bits per second, and at the beginning as much as 0.9 of a buffer of its own second.
    assert _bytes_between(output, 3, 4) < 1.5 * 1.9 * _bytes_between(source, 3, 4)


def _bytes_between(path: Path, start: int, end: int) -> int:
    with av.open(str(path)) as movie:
        packets = [packet for packet in movie.demux(movie.streams.video[0]) if packet.pts is not None]
        return sum(p.size for p in packets if start <= (p.pts or 0) * as_fraction(p.time_base) < end)
