"""The mark has its colours in every kind of colour that a video may have, and the video's tags stay as they were."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from worker.sandbox import EngineResult
from worker.tests.media import Clip, make_clip
from worker.tests.pixels import Colour
from worker.tests.same_video import COLOURS

Marked = Callable[..., EngineResult]
Convert = Callable[[Colour], Colour]

# Linear BT.709 in linear BT.2020 (ITU-R BT.2087) and in Display P3 (SMPTE EG 432-1).
TO_BT2020 = ((0.6274, 0.3293, 0.0433), (0.0691, 0.9195, 0.0114), (0.0164, 0.0880, 0.8956))
TO_P3 = ((0.8225, 0.1774, 0.0), (0.0332, 0.9669, 0.0), (0.0171, 0.0724, 0.9108))
WHITE = 203  # cd/m²: ITU-R BT.2408


def as_it_is(colour: Colour) -> Colour:
    return colour


def light(colour: Colour, matrix: tuple[tuple[float, ...], ...]) -> list[float]:
    """Return linear light; COLOURS has but 0 and 255, whatever the transfer function."""
    return [sum(weight * value / 255 for weight, value in zip(row, colour, strict=True)) for row in matrix]


def in_srgb_transfer(matrix: tuple[tuple[float, ...], ...]) -> Convert:
    def convert(colour: Colour) -> Colour:
        values = [1.055 * max(value, 0.0) ** (1 / 2.4) - 0.055 if value > 0.0031308 else 12.92 * value
                  for value in light(colour, matrix)]  # fmt: skip
        return _codes(values)

    return convert


def in_pq(colour: Colour) -> Colour:
    def signal(value: float) -> float:
        power = (value * WHITE / 10_000) ** 0.1593017578125
        return float(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375)

    return _codes([signal(value) for value in light(colour, TO_BT2020)])


def in_hlg(colour: Colour) -> Colour:
    shown = [value * WHITE / 1000 for value in light(colour, TO_BT2020)]
    luminance = 0.2627 * shown[0] + 0.6780 * shown[1] + 0.0593 * shown[2]

    def signal(value: float) -> float:
        scene = value * luminance ** (-0.2 / 1.2)
        return math.sqrt(3 * scene) if scene <= 1 / 12 else 0.17883277 * math.log(12 * scene - 0.28466892) + 0.55991073

    return _codes([signal(value) for value in shown])


def _codes(values: list[float]) -> Colour:
    red, green, blue = (round(255 * value) for value in values)
    return red, green, blue


def _row(
    name: str, tags: tuple[int, int, int, int] | None, depth: int = 8, size: tuple[int, int] = (320, 180),
    convert: Convert = as_it_is,
) -> Any:  # fmt: skip
    full = tags is not None and tags[1] == 2
    format_8 = "yuvj420p" if full else "yuv420p"
    clip = Clip(
        *size, seconds=0.12, languages=(), colour=tags,
        codec="libx264" if depth == 8 else "libx265", pixel_format=format_8 if depth == 8 else "yuv420p10le",
    )  # fmt: skip
    given = f"{name}, {depth} bits"
    mark = pytest.mark.input_row("Colour", given, "the same tags, the mark's colours as they should be")
    return pytest.param(clip, convert, id=given, marks=mark)


SDR_MATRICES = (("BT.601 525", (6, 6, 6)), ("BT.601 625", (5, 5, 6)), ("BT.709", (1, 1, 1)))
ROWS = [
    *(
        _row(f"{name}, {range_name} range", (matrix, code, primaries, transfer), depth)
        for name, (matrix, primaries, transfer) in SDR_MATRICES
        for code, range_name in ((1, "limited"), (2, "full"))
        for depth in (8, 10)
    ),
    *(_row(f"untagged, {size[1]} lines", None, depth, size) for size in ((320, 180), (1280, 720)) for depth in (8, 10)),
    *(
        _row(f"BT.2020 SDR, {range_name} range", (9, code, 9, 14), depth, convert=in_srgb_transfer(TO_BT2020))
        for code, range_name in ((1, "limited"), (2, "full"))
        for depth in (8, 10)
    ),
    *(_row("Display P3", (1, 1, 12, 1), depth, convert=in_srgb_transfer(TO_P3)) for depth in (8, 10)),
    *(
        _row(f"{name}, {range_name} range", (9, code, 9, transfer), 10, convert=convert)
        for name, transfer, convert in (("PQ", 16, in_pq), ("HLG", 18, in_hlg))
        for code, range_name in ((1, "limited"), (2, "full"))
    ),
    _row("HLG, limited range", (9, 1, 9, 18), 8, convert=in_hlg),
]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.input_row("Colour", "HLG that a phone filmed upright", "the same, turned by the same display matrix")
def test_hdr_of_a_phone(marked: Marked, tmp_path: Path, rotation: int, mirrored: bool) -> None:
    clip = Clip(
        640, 360, codec="libx265", pixel_format="yuv420p10le", colour=(9, 1, 9, 18),
        rotation=rotation, mirrored=mirrored, seconds=0.12, languages=(),
    )  # fmt: skip
    result = marked(make_clip(tmp_path / "source.mp4", clip), colours=[in_hlg(colour) for colour in COLOURS])
    assert result.codec == "hevc"


@pytest.mark.parametrize(("clip", "convert"), ROWS)
def test_each_kind_of_colour(marked: Marked, tmp_path: Path, clip: Clip, convert: Convert) -> None:
    source = make_clip(tmp_path / "source.mp4", clip)
    result = marked(source, colours=[convert(colour) for colour in COLOURS])
    hdr = clip.colour is not None and clip.colour[3] in (16, 18)
    assert result.codec == ("hevc" if hdr or "10" in clip.pixel_format else "h264")
    assert result.notes == []
