"""What a viewer sees: place, size, opacity, time and colour of the mark, and nothing else changed."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av import VideoFrame
from PIL import Image, ImageChops, ImageStat

from worker.engine.planes import plane_image
from worker.local import run_local
from worker.sandbox import EngineResult
from worker.tests.media import Clip, displayed, frames_of, make_clip, make_logo

Engine = Callable[..., tuple[Path, Path, EngineResult]]


def is_red(pixel: Any) -> bool:
    return bool(pixel[0] > 200 and pixel[1] < 60 and pixel[2] < 60)


def red_box(image: Image.Image) -> tuple[int, int, int, int]:
    red = image.getchannel("R").point(lambda value: 255 if value > 190 else 0)
    not_green = image.getchannel("G").point(lambda value: 255 if value < 70 else 0)
    box = ImageChops.multiply(red, not_green).getbbox()
    assert box is not None, "there is no mark"
    return box


def assert_near(found: tuple[int, ...], expected: tuple[int, ...], tolerance: int = 1) -> None:
    assert all(abs(a - b) <= tolerance for a, b in zip(found, expected, strict=True)), f"{found} is not {expected}"


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_mark_is_right_for_the_viewer_of_a_turned_video(
    engine_in_process: Engine, rotation: int, mirrored: bool
) -> None:
    source, output, _ = engine_in_process(
        Clip(rotation=rotation, mirrored=mirrored, seconds=0.2, languages=()),
        position="bottom-right", width=40, margin=10,
    )  # fmt: skip
    before, after = frames_of(source)[0], frames_of(output)[0]
    assert bytes(before.side_data["DISPLAYMATRIX"]) == bytes(after.side_data["DISPLAYMATRIX"]) if rotation else True
    assert (after.width, after.height) == (320, 180)
    picture = _as_viewed(after, mirrored)
    width, height = picture.size
    assert (width, height) == ((180, 320) if rotation in (90, 270) else (320, 180))
    assert_near(red_box(picture), (width - 50, height - 30, width - 10, height - 10))


def _as_viewed(frame: VideoFrame, mirrored: bool) -> Image.Image:
    """Apply the display matrix itself, point by point, as ISO/IEC 14496-12 says."""
    data = frame.side_data.get("DISPLAYMATRIX")
    image: Image.Image = frame.to_image()
    if data is None:
        assert not mirrored
        return image
    a, b, _, c, d, *_ = (value / 65536 for value in struct.unpack("=9i", bytes(data)))
    assert (a * d - b * c < 0) == mirrored
    corners = [(x * a + y * c, x * b + y * d) for x in (0, image.width) for y in (0, image.height)]
    left, top = min(x for x, _ in corners), min(y for _, y in corners)
    size = (round(max(x for x, _ in corners) - left), round(max(y for _, y in corners) - top))
    # transform() wants the way back: for a matrix of quarter turns the inverse is the transpose.
    back = (a, b, a * left + b * top, c, d, c * left + d * top)
    return image.transform(size, Image.Transform.AFFINE, back)


@pytest.mark.parametrize(
    ("anchor", "left", "top"),
    [("top-left", 8, 8), ("top", 140, 8), ("top-right", 272, 8), ("left", 8, 80), ("center", 140, 80),
     ("right", 272, 80), ("bottom-left", 8, 152), ("bottom", 140, 152), ("bottom-right", 272, 152)],
)  # fmt: skip
def test_each_anchor(engine_in_process: Engine, anchor: str, left: int, top: int) -> None:
    _, output, _ = engine_in_process(Clip(seconds=0.08, languages=()), position=anchor, width="12.5%", margin="2.5%")
    assert_near(red_box(frames_of(output)[0].to_image()), (left, top, left + 40, top + 20))


def test_odd_positions_are_exact_in_luma(engine_in_process: Engine) -> None:
    _, output, _ = engine_in_process(
        Clip(seconds=0.08, languages=(), colour=(1, 1, 1, 1), grey=16), position={"x": 101, "y": 51}, width=31
    )
    luma = _luma(frames_of(output)[0])
    mark = luma.point(lambda value: 255 if value > 48 else 0).getbbox()
    assert mark == (101, 51, 132, 67)


def _luma(frame: VideoFrame) -> Image.Image:
    return plane_image(frame, 0).copy()


def test_nothing_changes_outside_of_the_mark(engine_in_process: Engine) -> None:
    source, output, _ = engine_in_process(
        Clip(seconds=0.4, languages=(), grey=None), position="top-left", width=40, margin=0
    )  # fmt: skip
    for before, after in zip(frames_of(source), frames_of(output), strict=True):
        difference = ImageChops.difference(_luma(before), _luma(after))
        difference.paste(0, (0, 0, 48, 28))
        assert ImageStat.Stat(difference).mean[0] < 2  # coding loss; test_blend.py has the exact proof


@pytest.mark.parametrize(
    ("colour", "size", "expected"),
    [
        ((1, 1, 1, 1), (320, 180), (63, 102, 240)),  # BT.709
        ((6, 1, 6, 6), (320, 180), (81, 90, 240)),  # BT.601
        ((1, 2, 1, 1), (320, 180), (54, 99, 255)),  # BT.709, full range
        (None, (320, 180), (81, 90, 240)),  # untagged and small: BT.601
        (None, (1280, 720), (63, 102, 240)),  # untagged and large: BT.709
    ],
)
def test_the_colour_of_the_mark(
    engine_in_process: Engine,
    colour: tuple[int, int, int, int] | None,
    size: tuple[int, int],
    expected: tuple[int, int, int],
) -> None:
    clip = Clip(*size, seconds=0.08, languages=(), colour=colour)
    source, output, _ = engine_in_process(clip, position="center", width="50%")
    before, after = frames_of(source)[0], frames_of(output)[0]
    found = tuple(memoryview(plane)[plane.line_size * (plane.height // 2) + plane.width // 2] for plane in after.planes)
    assert_near(found, expected, 2)
    tags = [(f.colorspace, f.color_range, f.color_primaries, f.color_trc) for f in (before, after)]
    assert tags[0] == tags[1]


@pytest.mark.parametrize(("opacity", "expected"), [(0.25, 160), (0.5, 192), (1.0, 255)])
def test_opacity(engine_in_process: Engine, tmp_path: Path, opacity: float, expected: int) -> None:
    Image.new("RGBA", (64, 32), (255, 255, 255, 255)).save(tmp_path / "white.png")
    _, output, _ = engine_in_process(
        Clip(seconds=0.08, languages=(), grey=128), image="white.png", position="center", width=80, opacity=opacity
    )
    pixel = frames_of(output)[0].to_image().getpixel((160, 90))
    assert_near(pixel, (expected,) * 3, 3)


def test_start_end_and_fade_are_exact_to_the_frame(engine_in_process: Engine, tmp_path: Path) -> None:
    Image.new("RGBA", (64, 32), (255, 255, 255, 255)).save(tmp_path / "white.png")
    _, output, _ = engine_in_process(
        Clip(seconds=1.2, languages=(), grey=0, colour=(1, 1, 1, 1)),
        image="white.png", position="center", width=80, start=0.2, end=1.0, fade=0.2,
    )  # fmt: skip
    levels = [frame.to_image().getpixel((160, 90))[0] for frame in frames_of(output)]
    for index, level in enumerate(levels):
        seconds = index / 25
        share = max(0.0, min(1.0, (seconds - 0.2) / 0.2, (1.0 - seconds) / 0.2))
        assert abs(level - 255 * share) <= 4, f"frame {index}"


def test_a_rotated_mark_stays_in_its_corner(engine_in_process: Engine) -> None:
    _, output, _ = engine_in_process(
        Clip(seconds=0.08, languages=()), position="top-left", width=64, margin=10, rotate=90
    )
    assert_near(red_box(frames_of(output)[0].to_image()), (10, 10, 42, 74))


def test_tiles_cover_the_picture(engine_in_process: Engine) -> None:
    _, output, _ = engine_in_process(Clip(seconds=0.08, languages=()), position="top-left", margin=0, width=40, tile=40)
    image = frames_of(output)[0].to_image()
    for x in range(20, 320, 80):
        for y in range(10, 180, 60):
            assert is_red(image.getpixel((x, y)))
            if x + 40 < 320:
                assert not is_red(image.getpixel((x + 40, y)))


def test_the_mark_is_shaped_for_the_displayed_aspect(engine_in_process: Engine) -> None:
    aspect = Fraction(2)
    _, output, _ = engine_in_process(
        Clip(seconds=0.08, languages=(), aspect=aspect), position="top-left", width=128, margin=0
    )  # fmt: skip
    frame = frames_of(output)[0]
    assert_near(red_box(frame.to_image()), (0, 0, 64, 64))
    assert displayed(frame, aspect).size == (640, 180)
    with av.open(str(output)) as movie:
        assert movie.streams.video[0].sample_aspect_ratio == aspect


@pytest.mark.parametrize("size", [(319, 179), (319, 180), (320, 179)])
def test_an_odd_size_grows_by_a_repeated_line(engine_in_process: Engine, size: tuple[int, int]) -> None:
    clip = Clip(*size, seconds=0.2, languages=(), pixel_format="yuv444p")
    source, output, result = engine_in_process(clip, position="bottom-right", margin=0, width=40)
    before, after = frames_of(source)[0], frames_of(output)[0]
    assert (before.width, before.height) == size
    assert (after.width, after.height) == (320, 180)
    assert_near(red_box(after.to_image()), (size[0] - 40, size[1] - 20, size[0], size[1]))
    assert any("odd" in note for note in result.notes)


def test_interlaced_stays_interlaced(engine_in_process: Engine) -> None:
    clip = Clip(seconds=0.2, languages=(), interlaced=True, options={"x264-params": "tff=1"})
    source, output, _ = engine_in_process(clip)
    assert [frame.interlaced_frame for frame in frames_of(source)] == [True] * 5
    assert [frame.interlaced_frame for frame in frames_of(output)] == [True] * 5


def test_two_overlays_lie_on_one_another(logo: Path, tmp_path: Path) -> None:
    assert logo.name == "logo.png"
    make_logo(tmp_path / "blue.png", colour=(0, 0, 255, 255))
    mark = tmp_path / "two.json"
    mark.write_text(
        '{"overlays": [{"image": "logo.png", "position": "center", "width": 120},'
        ' {"image": "blue.png", "position": "center", "width": 40}]}'
    )
    source = make_clip(tmp_path / "in.mp4", Clip(seconds=0.08, languages=()))
    run_local(source, tmp_path / "out.mp4", mark, lambda *_: None)
    image = frames_of(tmp_path / "out.mp4")[0].to_image()
    assert is_red(image.getpixel((110, 90)))
    assert image.getpixel((160, 90))[2] > 200
