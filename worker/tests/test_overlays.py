"""Animations, texts and several overlays at once, as a viewer of the finished video sees them."""

import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest
from av import VideoFrame
from PIL import Image

from worker.engine.geometry import Picture, turned_size
from worker.engine.text import draw_text
from worker.errors import WatermarkInvalid
from worker.local import run_local
from worker.tests.media import Clip, displayed, frames_of, make_clip
from worker.watermark import TextOverlay, validate

FramesWith = Callable[..., list[VideoFrame]]

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255), "grey": (128,) * 3}


def colour_at(frame: VideoFrame, where: tuple[int, int]) -> str:
    """Return the name of the colour that a pixel has, to within coding loss."""
    pixel = displayed(frame).getpixel(where)
    assert isinstance(pixel, tuple)
    distances = {name: max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) for name, colour in COLOURS.items()}
    name = min(distances, key=lambda name: distances[name])
    assert distances[name] < 40, f"{pixel} at {where} is none of the colours"
    return name


def animate(path: Path, durations: Sequence[int], size: tuple[int, int] = (16, 16)) -> dict[str, Any]:
    """Write an animation of red, green, blue and so on; return the beginning of its overlay."""
    colours = [COLOURS[name] for name in ("red", "green", "blue")]
    frames = [Image.new("RGBA", size, (*colours[number % 3], 255)) for number in range(len(durations))]
    options = {"lossless": True} if path.suffix == ".webp" else {}
    kind = "PNG" if path.suffix == ".apng" else None
    frames[0].save(
        path, kind, save_all=True, append_images=frames[1:], duration=list(durations), disposal=1, **options
    )  # fmt: skip
    return {"image": path.name}


def expected(seconds: Fraction, durations: Sequence[int], start: Fraction = Fraction(0)) -> str:
    """Return the colour of `animate` at this time, and grey before it starts."""
    if seconds < start:
        return "grey"
    switches = list(accumulate(durations))
    number = bisect_right(switches, (seconds - start) * 1000 % switches[-1])
    return ("red", "green", "blue")[number % 3]


@pytest.mark.parametrize("suffix", [".gif", ".apng", ".webp"])
def test_an_animation_switches_at_the_very_frame(frames_with: FramesWith, tmp_path: Path, suffix: str) -> None:
    durations = (80, 120, 200)
    mark = animate(tmp_path / f"mark{suffix}", durations)
    clip = Clip(languages=(), seconds=1.2)
    frames = frames_with(clip, {**mark, "position": "top-left", "margin": 0, "width": 32, "start": 0.2})
    found = [colour_at(frame, (16, 16)) for frame in frames]
    assert found == [expected(Fraction(number, 25), durations, Fraction(1, 5)) for number in range(30)]


def test_it_does_so_at_a_variable_rate_in_a_video_that_begins_late(frames_with: FramesWith, tmp_path: Path) -> None:
    mark = animate(tmp_path / "mark.gif", (100, 100, 50))
    # Ticks of 1/12800 s: one before and right at a switch, then at odd distances; 853 are no whole microseconds.
    ticks = [0, 1279, 1280, 2559, 2560, 3199, 3200, 4000, 4480, 5759, 5760, 6399, 6400, 9599, 9600, 11111, 16000]
    frames = frames_with(
        Clip(languages=(), times=[853 + tick for tick in ticks]), {**mark, "position": "top-left", "width": 32}
    )
    found = [colour_at(frame, (20, 20)) for frame in frames]
    assert found == [expected(Fraction(tick, 12800), (100, 100, 50)) for tick in ticks]


def test_an_animation_fades_and_ends_like_any_mark(frames_with: FramesWith, tmp_path: Path) -> None:
    mark = animate(tmp_path / "mark.gif", (40, 40))
    frames = frames_with(
        Clip(languages=(), seconds=0.6), {**mark, "position": "center", "start": 0.08, "end": 0.4, "fade": 0.12}
    )
    pixels = [frame.to_image().getpixel((160, 90)) for frame in frames]
    stronger = [max(pixel) - min(pixel) > 200 for pixel in pixels]
    assert stronger == [number in (5, 6, 7) for number in range(15)]
    assert all(max(pixel) - min(pixel) < 12 for pixel in (*pixels[:3], *pixels[10:]))
    assert [pixel.index(max(pixel)) for pixel in pixels[5:8]] == [1, 0, 1]


def test_all_tiles_of_an_animation_switch_together(frames_with: FramesWith, tmp_path: Path) -> None:
    mark = animate(tmp_path / "mark.webp", (120, 120, 120))
    frames = frames_with(
        Clip(languages=(), seconds=0.6), {**mark, "position": "top-left", "margin": 0, "width": 31, "tile": 33}
    )
    for number, frame in enumerate(frames):
        wanted = expected(Fraction(number, 25), (120, 120, 120))
        assert {colour_at(frame, (x, y)) for x in (15, 79, 143, 271) for y in (15, 79, 143)} == {wanted}
        assert {colour_at(frame, (x, y)) for x in (48, 112) for y in (15, 48)} == {"grey"}


def test_four_overlays_lie_on_each_other_in_their_order(frames_with: FramesWith, tmp_path: Path) -> None:
    for name, colour in COLOURS.items():
        Image.new("RGB", (8, 8), colour).save(tmp_path / f"{name}.png")
    animate(tmp_path / "moving.gif", (80, 80))
    frames = frames_with(
        Clip(languages=(), seconds=0.24),
        {"image": "blue.png", "position": "center", "width": 160},
        {"image": "moving.gif", "position": "center", "width": 120},
        {"image": "white.png", "position": "center", "width": 80, "end": 0.16},
        {"text": "|", "position": "center", "size": 200, "color": "#00ff00"},
    )
    assert len(frames) == 6
    for number, frame in enumerate(frames):
        moving, over = ("red", "green", "red")[number // 2], "white" if number < 4 else None
        row = [colour_at(frame, (x, 90)) for x in (60, 90, 110, 130, 160)]
        assert row == ["grey", "blue", moving, over or moving, "green"]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_text_is_upright_for_the_viewer(frames_with: FramesWith, rotation: int) -> None:
    clip = Clip(seconds=0.16, languages=(), rotation=rotation)
    frame = frames_with(clip, {"text": "L", "size": 150, "position": "bottom-left", "margin": 20})[0]
    height = displayed(frame).height
    bottom, left = height - 20, 20
    assert colour_at(frame, (left + 7, bottom - 100)) == "white"
    assert colour_at(frame, (left + 7, bottom - 7)) == "white"
    assert colour_at(frame, (left + 40, bottom - 7)) == "white"
    assert colour_at(frame, (left + 40, bottom - 60)) == "grey"
    assert colour_at(frame, (left + 7, bottom + 4)) == "grey"
    assert colour_at(frame, (left - 4, bottom - 7)) == "grey"


def test_a_text_has_its_shape_where_pixels_are_wide(frames_with: FramesWith) -> None:
    clip = Clip(180, 180, seconds=0.16, languages=(), aspect=Fraction(16, 9))
    text = {"text": "O", "size": "40%", "position": "center"}
    frame = frames_with(clip, text)[0]
    mask = frame.to_image().convert("L").point(lambda value: 255 * (value > 190))
    left, top, right, bottom = mask.getbbox() or (0, 0, 0, 0)
    overlay = validate({"overlays": [text]}, "a.json").overlays[0]
    assert isinstance(overlay, TextOverlay)
    square = draw_text(overlay, Picture(320, 180))
    assert abs((right - left) * 16 / 9 / (bottom - top) - square.width / square.height) < 0.04
    assert abs((left + right) / 2 - 90) <= 1
    assert abs((top + bottom) / 2 - 90) <= 1


@pytest.mark.parametrize("colour", [(16, 200, 96), (250, 128, 10)])
def test_a_text_has_its_colour(frames_with: FramesWith, colour: tuple[int, int, int]) -> None:
    frame = frames_with(
        Clip(seconds=0.16, languages=()),
        {"text": "|", "size": 300, "position": "center", "color": "#{:02x}{:02x}{:02x}".format(*colour)},
    )[0]
    pixel = frame.to_image().getpixel((160, 90))
    assert all(abs(a - b) <= 3 for a, b in zip(pixel, colour, strict=True)), pixel


def test_a_text_turns_and_repeats_like_an_image(frames_with: FramesWith) -> None:
    text = {"text": "__", "size": 100, "position": {"x": 0, "y": 0}, "rotate": 90, "tile": 40}
    frame = frames_with(Clip(seconds=0.16, languages=()), text)[0]
    mask = frame.to_image().convert("L").point(lambda value: 255 * (value > 190))
    first = mask.crop((0, 0, 40, 120)).getbbox()
    assert first is not None
    width, height = first[2], first[3]
    assert height > width
    assert colour_at(frame, (width + 40 + width // 2, height // 2)) == "white"
    assert colour_at(frame, (width + 20, height // 2)) == "grey"


def test_a_bare_animation_needs_no_description(tmp_path: Path) -> None:
    animate(tmp_path / "mark.gif", (80, 80))
    source = make_clip(tmp_path / "source.mp4", Clip(seconds=0.16, languages=()))
    run_local(source, tmp_path / "output.mp4", tmp_path / "mark.gif", lambda *_: None)
    frames = frames_of(tmp_path / "output.mp4")
    assert [colour_at(frame, (300, 160)) for frame in frames] == ["red", "red", "green", "green"]


def test_an_svg_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "mark.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    source = make_clip(tmp_path / "source.mp4", Clip(seconds=0.16, languages=()))
    with pytest.raises(WatermarkInvalid, match=r"mark\.svg is an SVG") as caught:
        run_local(source, tmp_path / "output.mp4", tmp_path / "mark.svg", lambda *_: None)
    assert "PNG" in caught.value.hint


@pytest.mark.parametrize(
    ("settings", "side"),
    [
        ({"position": "bottom-right"}, "left part is"),
        ({"position": "top-left"}, "right part is"),
        ({"position": "center"}, "left and right parts are"),
        ({"position": "center", "rotate": 90}, "upper and lower parts are"),
        ({"position": "center", "tile": 10}, None),
        ({"position": {"x": -50, "y": 0}}, None),
        ({"position": "top", "size": 8}, None),
    ],
)
def test_what_has_no_room_on_the_picture_is_noted(settings: dict[str, Any], side: str | None, tmp_path: Path) -> None:
    source, mark = make_clip(tmp_path / "source.mp4", Clip(seconds=0.12, languages=())), tmp_path / "mark.json"
    mark.write_text(json.dumps({"overlays": [{"text": "A very long line of text", "size": 40, **settings}]}))
    result = run_local(source, tmp_path / "output.mp4", mark, lambda _phase, _share: None)
    label = "The watermark 'A very long line of text'"
    assert result.notes == ([f"{label} is larger than the picture has room for: its {side} cut off."] if side else [])


def test_an_overlay_that_starts_too_late_is_noted(tmp_path: Path) -> None:
    source, mark = make_clip(tmp_path / "source.mp4", Clip(seconds=0.4, languages=())), tmp_path / "mark.json"
    mark.write_text(json.dumps({"overlays": [{"text": "seen"}, {"text": "late", "start": 9}]}))
    result = run_local(source, tmp_path / "output.mp4", mark, lambda _phase, _share: None)
    assert result.notes == ["The watermark 'late' is never seen: it starts at 9 s, but the video ends at 0.400 s."]


@pytest.mark.parametrize(
    ("never", "when"),
    [
        ({"start": 0.165, "end": 0.195}, "from 0.165 s to 0.195 s"),  # frames are shown at 0.16 s and 0.20 s
        ({"start": 0.365}, "from 0.365 s on"),  # the last is shown at 0.36 s
        ({"start": 0.16, "end": 0.2, "fade": 1}, "from 0.16 s to 0.2 s"),  # and its fade begins with nothing
    ],
)
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
def test_an_overlay_that_no_frame_has_anything_of_is_noted(
    never: dict[str, Any], when: str, pixel_format: str, tmp_path: Path
) -> None:
    codec = "libx264" if pixel_format == "yuv420p" else "libx265"
    source = make_clip(tmp_path / "a.mp4", Clip(seconds=0.4, languages=(), codec=codec, pixel_format=pixel_format))
    mark = tmp_path / "mark.json"
    mark.write_text(json.dumps({"overlays": [{"text": "brief", **never}, {"text": "seen", "start": 0.1}]}))
    result = run_local(source, tmp_path / "output.mp4", mark, lambda _phase, _share: None)
    assert result.notes == [f"The watermark 'brief' is never seen: no frame {when} has anything of it."]


@pytest.mark.parametrize("angle", [0, 30, 45, 90])
def test_tiles_keep_their_gap_between_the_boxes_that_hold_the_turned_marks(
    angle: float, frames_with: FramesWith, tmp_path: Path
) -> None:
    Image.new("RGB", (60, 20), "white").save(tmp_path / "bar.png")
    tiles = {"image": "bar.png", "width": 60, "position": {"x": 0, "y": 0}, "rotate": angle, "tile": 16}
    image = frames_with(Clip(seconds=0.12, languages=()), tiles)[0].to_image().convert("L")
    width, height = turned_size((60, 20), angle)
    level = 150  # half of the way from the background to the mark
    columns = [max(image.crop((x, 0, x + 1, 180)).tobytes()) > level for x in range(320)]
    rows = [max(image.crop((0, y, 320, y + 1)).tobytes()) > level for y in range(180)]
    for touched, side in ((columns, width), (rows, height)):
        ends = [place for place, (one, other) in enumerate(pairwise(touched), 1) if one and not other]
        begins = [place for place, (one, other) in enumerate(pairwise(touched), 1) if other and not one and place > 2]
        assert all(abs(end - side - number * (side + 16)) <= 2 for number, end in enumerate(ends))
        assert all(abs(begin - (number + 1) * (side + 16)) <= 2 for number, begin in enumerate(begins))
        assert len(ends) > 1
