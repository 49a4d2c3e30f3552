"""Chromium plays results to their end: every frame, upright, with its sound, as long as the source, without an error.

HEVC is left out, and with it HDR as H.265: Debian's Chromium has no decoder of it. Where no Chromium is installed, all
of this is skipped, or fails if REQUIRE_ALL=1.
"""

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from worker.sandbox import EngineResult
from worker.tests.chromium import CHROMIUM, Page, open_page
from worker.tests.groups import CLIPS, MARK
from worker.tests.media import Clip, Sound
from worker.tests.test_deep import PQ, deep

Engine = Callable[..., tuple[Path, Path, EngineResult]]

FRAMES, SECONDS = 40, 1.6
UPRIGHT = (180, 427)  # of a picture of 320x180 with pixels of 4:3, turned
TIMES = tuple(512 * index + 1024 * (index // 5) + 97 * (index % 2) for index in range(24))  # in ticks of 1/12800 s


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One browser for all clips."""
    if CHROMIUM is None and os.environ.get("REQUIRE_ALL") != "1":
        pytest.skip("no Chromium is installed")
    with open_page(tmp_path_factory.mktemp("browser")) as page:
        yield page


def whole(**settings: object) -> Clip:
    return Clip(**({"seconds": SECONDS, "grey": None, "languages": ()} | settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("clip", "profile", "size"),
    [
        pytest.param(whole(languages=("eng",)), "balanced", (320, 180), id="H.264 with sound"),
        pytest.param(whole(format="mov", sounds=(Sound("pcm_s16le"),)), "balanced", (320, 180), id="sound coded anew"),
        pytest.param(whole(rotation=90, aspect=Fraction(4, 3)), "balanced", UPRIGHT, id="filmed upright"),
        pytest.param(whole(times=TIMES), "balanced", (320, 180), id="variable frame rate"),
        pytest.param(whole(pixel_format="yuvj420p", colour=(5, 2, 5, 6)), "balanced", (320, 180), id="full range"),
        pytest.param(whole(languages=("eng",)), "av1", (320, 180), id="AV1 with sound"),
        pytest.param(whole(rotation=90, aspect=Fraction(4, 3)), "av1", UPRIGHT, id="AV1, filmed upright"),
        pytest.param(whole(times=TIMES), "av1", (320, 180), id="AV1, variable frame rate"),
        pytest.param(deep(PQ, seconds=SECONDS), "av1", (320, 180), id="AV1, HDR"),
    ],
)
def test_what_was_encoded_as_a_whole(
    engine_in_process: Engine, page: Page, clip: Clip, profile: str, size: tuple[int, int]
) -> None:
    _, output, result = engine_in_process(clip, profile)
    assert result.render["mode"] == "full"
    assert result.codec == ("av1" if profile == "av1" else "h264")
    assert_plays(page, output, clip, size)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("two B-frames", (320, 180)),
        ("Baseline", (320, 180)),
        ("HRD parameters and delimiters", (320, 180)),
        ("sound, chapters, a timecode and a cover", (320, 180)),
        ("filmed upright, wide pixels, colours", UPRIGHT),
    ],
)
def test_what_was_put_together(engine_in_process: Engine, page: Page, name: str, size: tuple[int, int]) -> None:
    _, output, result = engine_in_process(CLIPS[name], start=0.7, end=0.8, **MARK)
    assert result.render["mode"] == "smart"
    assert_plays(page, output, CLIPS[name], size)


def test_what_is_no_video(page: Page, logo: Path) -> None:
    assert "COULD_NOT_OPEN" in str(page.play(logo).error)


def assert_plays(page: Page, output: Path, clip: Clip, size: tuple[int, int]) -> None:
    times = clip.frame_times()
    played = page.play(output)
    assert played.error is None
    assert played.ended
    assert played.frames == len(times)
    assert (played.width, played.height) == size
    assert played.duration == pytest.approx(float((times[-1] + 512) * clip.time_base), abs=0.03)  # a packet of AAC
    assert (played.sound > 0) == bool(clip.all_sounds())
