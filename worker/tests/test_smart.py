"""Where the watermark shows in a part of the video only, the rest is copied: the same packets, to the bit."""

import hashlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from av import VideoFrame

from worker.errors import WatermarkInvalid
from worker.sandbox import EngineResult
from worker.tests.media import Clip, frames_of
from worker.tests.same_video import exact, look_at

Engine = Callable[..., tuple[Path, Path, EngineResult]]

GROUP = 8  # frames
MARK = {"position": "top-left", "margin": 0, "width": 64}
X264 = {"g": str(GROUP), "keyint_min": str(GROUP), "sc_threshold": "0"}


def moving(**settings: Any) -> Clip:
    """Five groups of pictures, 1.6 s."""
    options = X264 | settings.pop("options", {})
    everything: dict[str, Any] = {"seconds": 1.6, "grey": None, "languages": (), **settings, "options": options}
    return Clip(**everything)


def digests(frames: Sequence[VideoFrame]) -> list[str]:
    return [
        hashlib.sha256(b"".join(bytes(plane)[: plane.line_size * plane.height] for plane in frame.planes)).hexdigest()
        for frame in frames
    ]


def is_marked(frame: VideoFrame) -> bool:
    red, green, blue = frame.to_image().getpixel((32, 16))
    return bool(red > 180 and green < 70 and blue < 70)


def seconds(frame: VideoFrame) -> Fraction:
    return (frame.pts or 0) * exact(frame.time_base)


def changed_groups(source: Path, output: Path, shown: Callable[[Fraction], bool] | None = None) -> list[int]:
    """Assert that the result is the source with the mark where it should be; return which groups of it are new."""
    before, after = look_at(source), look_at(output)
    assert after.times == before.times
    assert [track.packets for track in after.tracks] == [track.packets for track in before.tracks]
    assert (after.picture, after.chapters, after.tags) == (before.picture, before.chapters, before.tags)
    assert (after.timecodes, after.duration) == (before.timecodes, before.duration)
    new = frames_of(output)
    assert not any(frame.is_corrupt for frame in new)
    if shown:
        start = min(before.times[0], Fraction(0)) if before.tracks else before.times[0]
        assert [is_marked(frame) for frame in new] == [shown(seconds(frame) - start) for frame in new]
    pairs = enumerate(zip(digests(frames_of(source)), digests(new), strict=True))
    return sorted({index // GROUP for index, (one, other) in pairs if one != other})


CLIPS = {
    "two B-frames": moving(b_frames=2),
    "no B-frames": moving(b_frames=0),
    "B-frames that refer to one another": moving(b_frames=3, options={"b-pyramid": "normal", "refs": "3"}),
    "Baseline": moving(b_frames=0, options={"profile": "baseline"}),
    "Main": moving(options={"profile": "main"}),
    "sound, chapters, a timecode and a cover": moving(
        languages=("deu", "fra"), chapters=((0, 800, "one"), (800, 1600, "two")), timecode="01:02:03:04", cover=True
    ),
    "the numbers of parameter sets from 1": moving(options={"x264-params": "sps-id=1"}),
    "the last number of a parameter set": moving(options={"x264-params": "sps-id=31"}),
    "HRD parameters and delimiters": moving(
        options={"x264-params": "nal-hrd=vbr:vbv-maxrate=2000:vbv-bufsize=4000:aud=1:pic-struct=1"}
    ),
    "filmed upright, wide pixels, colours": moving(rotation=90, aspect=Fraction(4, 3), colour=(1, 1, 1, 1)),
    "full range": moving(pixel_format="yuvj420p", colour=(5, 2, 5, 6)),
    "a size that macroblocks do not divide": moving(width=318, height=178),
    "several slices": moving(options={"slices": "4"}),
    "fragmented": moving(movflags="+frag_keyframe+empty_moov+default_base_moof"),
}


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
        (moving(interlaced=True), "interlaced"),
        (moving(pixel_format="yuv420p10le"), "not coded as H.264"),
        (moving(pixel_format="yuv444p"), "8-bit 4:2:0"),
        (moving(codec="libx265", options={}), "hevc"),
    ],
    ids=["one long group", "open groups", "interlaced", "10 bits", "4:4:4", "HEVC"],
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


def test_a_mark_between_two_frames_is_refused_without_encoding(engine_in_process: Engine) -> None:
    with pytest.raises(WatermarkInvalid, match="never visible"):
        engine_in_process(moving(), start=0.401, end=0.402, **MARK)
