"""The estimate of memory against what the engine really takes, and what follows from it."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from worker.engine.colour import Colour
from worker.engine.encoders import Coding, choose_coding
from worker.engine.footprint import Plan, plan_memory
from worker.engine.geometry import Orientation, Picture
from worker.engine.probe import Probe
from worker.engine.profiles import PROFILES
from worker.errors import InsufficientMemory
from worker.local import read_watermark
from worker.resources import MIB, Resources
from worker.sandbox import run_engine
from worker.tests.footprints import make_long_source, make_source, measure
from worker.tests.media import Clip, make_clip

PRESENT, TAKEN = 90 * MIB, 60 * MIB


@pytest.mark.parametrize(
    ("size", "source", "profile", "cpus"),
    [
        ("720p", "H.264", "balanced", 0.25),
        ("720p", "H.264", "balanced", 4.0),
        ("720p", "AV1", "fast", 1.0),
        ("720p", "HEVC 10 bit", "balanced", 1.0),
        ("720p", "H.264", "av1", 1.0),
        ("1080p", "HEVC 8 bit", "balanced", 1.0),
    ],
)  # fmt: skip
def test_the_estimate_is_enough_and_not_far_too_much(
    tmp_path: Path, size: str, source: str, profile: str, cpus: float
) -> None:
    found = measure(make_source(tmp_path, size, source), profile, cpus)
    assert found.peak <= found.estimated <= 1.5 * found.peak, found


def probed(width: int, height: int, depth: int = 8) -> Probe:
    return Probe(
        stream=0, picture=Picture(width, height, Fraction(1), Orientation()), matrix=None, codec="h264", depth=depth,
        full_range=False, colour=Colour(), time_base=Fraction(1, 12800), rate=Fraction(30), frames=30,
        start=Fraction(0), duration=1.0, bit_rate=0, interlaced=False, bottom_first=False,
        has_sample_aspect_ratio=False,
    )  # fmt: skip


def plan(video: Probe, cpus: float, limit: int, profile: str = "balanced") -> Plan:
    return plan_memory(video, coding_of(video, cpus, profile), cpus, PRESENT, TAKEN, limit)


def coding_of(video: Probe, cpus: float, profile: str = "balanced") -> Coding:
    return choose_coding(video, PROFILES[profile], cpus)


def test_settings_that_fit_are_left_alone() -> None:
    video = probed(1920, 1080)
    for cpus in (0.25, 4.0):
        found = plan(video, cpus, 1 << 40)
        assert (found.coding, found.cpus) == (coding_of(video, cpus), cpus)


def test_threads_and_then_the_lookahead_are_given_up_first() -> None:
    video = probed(1920, 1080)
    wanted = coding_of(video, 4.0, "best")
    ample = plan(video, 4.0, 1 << 40, "best").memory + TAKEN
    one = plan(video, 4.0, ample - 1, "best")
    assert (one.coding, one.cpus) == (replace(wanted, threads=1), 1.0)
    least = plan(video, 4.0, TAKEN + one.memory - 1, "best")
    short = replace(wanted, threads=1, effort=replace(wanted.effort, lookahead=10))
    assert replace(least.coding, notes=()) == short
    with pytest.raises(InsufficientMemory) as caught:
        plan(video, 4.0, TAKEN + least.memory - 1, "best")
    # As many MB as a task needs in which it would do.
    assert caught.value.memory_mb is not None
    assert plan(video, 0.5, caught.value.memory_mb * MIB, "best").coding == least.coding


def test_more_pixels_more_depth_and_more_threads_take_more() -> None:
    sizes = [probed(1280, 720), probed(1920, 1080), probed(1920, 1080, depth=10), probed(3840, 2160, depth=10)]
    needs = [plan(video, 1.0, 1 << 40).memory for video in sizes]
    assert needs == sorted(needs)
    assert len(set(needs)) == len(needs)
    assert plan(sizes[0], 4.0, 1 << 40).memory > needs[0]


def test_a_video_that_needs_more_memory_than_there_is_is_refused_before_it_is_encoded(
    tmp_path: Path, logo: Path
) -> None:
    source = make_clip(tmp_path / "large.mp4", Clip(3840, 2160, seconds=0.08, languages=()))
    document, images = read_watermark(logo)
    phases = set()
    with source.open("rb") as file, pytest.raises(InsufficientMemory, match=r"3840x2160 .* there are 512 MB") as caught:
        run_engine(
            file, tmp_path / "out.mp4", document, "logo.png", images, lambda phase, _: phases.add(phase),
            Resources(0.25, 512 * MIB),
        )  # fmt: skip
    assert caught.value.memory_mb is not None
    assert 600 < caught.value.memory_mb < 2048
    assert f"needs {caught.value.memory_mb} MB" in caught.value.message
    assert phases == {"PROBING"}
    assert not (tmp_path / "out.mp4").exists() or (tmp_path / "out.mp4").stat().st_size == 0


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"preset": "veryfast", "refs": "16"}),
        ("libx265", {"x265-params": "ref=16:bframes=0:allow-non-conformance=1"}),
    ],
    ids=["H.264", "HEVC"],
)
def test_a_source_with_sixteen_reference_frames_is_counted(tmp_path: Path, codec: str, options: dict[str, str]) -> None:
    clip = Clip(1280, 720, rate=30, seconds=1.4, grey=None, languages=(), codec=codec, options=options)
    found = measure(make_clip(tmp_path / "source.mp4", clip))
    assert found.peak <= found.estimated <= 1.5 * found.peak, found


def test_the_pictures_of_an_animation_are_counted(tmp_path: Path) -> None:
    # As noise, so that Pillow drops none as like the one before.
    frames = [Image.effect_noise((480, 240), 60).convert("RGBA") for _ in range(100)]
    mark = tmp_path / "mark.png"
    frames[0].save(mark, save_all=True, append_images=frames[1:], duration=33, loop=0)
    settings = {"image": "mark.png", "width": 480, "fade": 0.5}
    (tmp_path / "mark.json").write_text(json.dumps({"overlays": [settings]}))
    clip = Clip(
        640, 360, rate=30, seconds=3.5, grey=None, languages=(), codec="libx265", pixel_format="yuv420p10le"
    )  # fmt: skip
    found = measure(make_clip(tmp_path / "source.mp4", clip), watermark=tmp_path / "mark.json")
    assert found.peak <= found.estimated <= 1.5 * found.peak, found


def test_the_index_of_a_long_video_is_counted(tmp_path: Path) -> None:
    """An hour of video at 30 frames a second has 280,000 packets with its sound."""
    found = measure(make_long_source(tmp_path, pictures=50, sounds=300_000))
    assert found.peak <= found.estimated <= 1.5 * found.peak, found


def test_a_shorter_lookahead_than_the_profile_has_is_noted(tmp_path: Path, logo: Path) -> None:
    source = make_clip(tmp_path / "source.mp4", Clip(1280, 720, seconds=0.2, languages=()))
    document, images = read_watermark(logo)

    def notes_with(memory: int) -> list[str]:
        with source.open("rb") as file:
            return run_engine(
                file, tmp_path / "out.mp4", document, "logo.png", images, lambda *_: None, Resources(0.25, memory),
                "best",
            ).notes  # fmt: skip

    with pytest.raises(InsufficientMemory) as caught:
        notes_with(MIB)
    assert caught.value.memory_mb is not None
    # 20 frames, each of 3.7 bytes for a pixel, are 65 MB.
    [note] = notes_with((caught.value.memory_mb + 20) * MIB)
    assert "looked 10 frames ahead and not 30" in note
    assert notes_with((caught.value.memory_mb + 80) * MIB) == []
