"""Pictures of any shape: turned, mirrored, of samples that are not square, of sizes that 4:2:0 cannot code."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from worker.sandbox import EngineResult
from worker.tests.media import Clip, make_clip

Marked = Callable[..., EngineResult]


def _row(given: str, outcome: str, size: tuple[int, int] = (640, 360), **clip: Any) -> Any:
    marks = pytest.mark.input_row("Picture", given, outcome)
    return pytest.param(Clip(*size, seconds=0.12, grey=None, languages=(), **clip), id=given, marks=marks)


TURNED = "the same matrix; the mark upright for the viewer"
STRETCHED = "the same aspect; the mark not stretched"


@pytest.mark.parametrize("clip", [
    *(_row(f"turned by {angle}°", TURNED, rotation=angle) for angle in (90, 180, 270)),
    *(_row(f"mirrored and turned by {angle}°", TURNED, rotation=angle, mirrored=True) for angle in (0, 90, 180, 270)),
    _row("PAL of 16:9, 720x576", STRETCHED, (720, 576), aspect=Fraction(64, 45)),
    _row("NTSC of 4:3, 720x480", STRETCHED, (720, 480), aspect=Fraction(8, 9)),
    _row("samples twice as wide as high, turned by 90°", STRETCHED, (1280, 720), aspect=Fraction(2), rotation=90),
    _row("a tall picture, 360x640", "the same", (360, 640)),
    _row("a width that 16 does not divide, 854x480", "the same", (854, 480)),
    _row("2.39 to 1, 1024x428", "the same", (1024, 428)),
])  # fmt: skip
def test_each_shape(marked: Marked, tmp_path: Path, clip: Clip) -> None:
    assert marked(make_clip(tmp_path / "source.mp4", clip)).notes == []


@pytest.mark.parametrize("clip", [
    _row("an odd width, 639x360", "640x360: one repeated column", (639, 360), pixel_format="yuv444p"),
    _row("an odd height, 640x359", "640x360: one repeated line", (640, 359), pixel_format="yuv444p"),
    _row("both odd, turned by 90°", "one repeated column and line", (639, 359), pixel_format="yuv444p", rotation=90),
])  # fmt: skip
def test_odd_sizes_lose_no_pixel(marked: Marked, tmp_path: Path, clip: Clip) -> None:
    [note] = [note for note in marked(make_clip(tmp_path / "source.mp4", clip)).notes if "is odd" in note]
    grown = [name for name, length in (("column", clip.width), ("line", clip.height)) if length % 2]
    assert note.endswith(f"it grew by one repeated {' and one '.join(grown)} to 640x360.")
