"""What holds for every mark on every picture, and for every JSON."""

import json
from cmath import exp
from fractions import Fraction
from itertools import product
from math import pi
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from worker.engine.geometry import Box, Orientation, Picture, image_size, place, to_coded, turned_size
from worker.engine.layers import draw_layers
from worker.errors import WatermarkInvalid
from worker.watermark import Anchor, ImageOverlay, parse_document, validate

ANCHORS = get_args(Anchor)
orientations = st.builds(Orientation, st.sampled_from((0, 90, 180, 270)), st.booleans())
aspects = st.sampled_from((Fraction(1), Fraction(64, 45), Fraction(8, 9), Fraction(2), Fraction(1, 2)))
pictures = st.builds(Picture, st.integers(16, 4096), st.integers(16, 4096), aspects, orientations)
small_pictures = st.builds(Picture, st.integers(8, 90), st.integers(8, 90), aspects, orientations)
lengths = st.one_of(
    st.integers(0, 300), st.floats(0, 300), st.floats(0, 60).map(lambda percent: f"{percent}%"), st.just("2%")
)
widths = lengths.filter(lambda length: length not in (0, "0.0%"))
angles = st.one_of(st.sampled_from((0, 90, 180, 270, -90, 45)), st.floats(-360, 360))


def overlay(**fields: Any) -> ImageOverlay:
    result = validate({"overlays": [{"image": "a.png", **fields}]}, "a.json").overlays[0]
    assert isinstance(result, ImageOverlay)
    return result


def as_displayed(box: Box, picture: Picture) -> Box:
    """Return where a player shows a box of the coded picture: stretched, mirrored and turned about the middle."""
    width, height = picture.upright
    middle, turned_middle = complex(width, height) / 2, complex(*picture.displayed) / 2
    turn = exp(1j * picture.orientation.clockwise * pi / 180)  # y points down, so this is clockwise
    corners = []
    for x, y in product((box.left, box.right), (box.top, box.bottom)):
        point = complex(x * float(picture.sample_aspect_ratio), y) - middle
        if picture.orientation.mirrored:
            point = complex(-point.real, point.imag)
        corners.append(point * turn + turned_middle)
    left, top = min(point.real for point in corners), min(point.imag for point in corners)
    return Box(left, top, max(p.real for p in corners) - left, max(p.imag for p in corners) - top)


def assert_anchored(
    words: list[str], sides: tuple[str, str], span: tuple[float, float], whole: float, distance: float, tolerance: float
) -> None:
    """Assert in one direction that a span lies at the side that an anchor's words name, else in the middle."""
    (first, last), (start, end) = sides, span
    if first in words:
        assert start == pytest.approx(distance, abs=tolerance)
    elif last in words:
        assert end == pytest.approx(whole - distance, abs=tolerance)
    else:
        assert start + end == pytest.approx(whole, abs=2 * tolerance)


@settings(max_examples=300)
@given(pictures, st.sampled_from(ANCHORS), widths, lengths, angles, st.integers(1, 9), st.integers(1, 9))
def test_a_mark_is_displayed_where_its_settings_say(
    picture: Picture, anchor: str, width: Any, margin: Any, angle: float, across: int, down: int
) -> None:
    mark = overlay(position=anchor, width=width, margin=margin, rotate=angle)
    size = turned_size(image_size(mark, (across * 10, down * 10), picture), angle)
    coded = to_coded(place(mark, size, picture), picture)
    assert all(side == int(side) for side in (coded.left, coded.top, coded.width, coded.height))

    shown, (whole_width, whole_height) = as_displayed(coded, picture), picture.displayed
    distance = mark.margin.pixels(whole_width)
    sample = max(1.0, float(picture.sample_aspect_ratio))  # a coded sample is that wide or high for the viewer
    near = pytest.approx
    assert shown.width == near(size[0], abs=sample)
    assert shown.height == near(size[1], abs=sample)
    tolerance = 0.5 + sample  # rounded once to displayed pixels and once to samples
    words = anchor.split("-")
    assert_anchored(words, ("left", "right"), (shown.left, shown.right), whole_width, distance, tolerance)
    assert_anchored(words, ("top", "bottom"), (shown.top, shown.bottom), whole_height, distance, tolerance)
    if size[0] + distance <= whole_width and size[1] + distance <= whole_height:
        assert shown.left >= -sample
        assert shown.top >= -sample
        assert shown.right <= whole_width + sample
        assert shown.bottom <= whole_height + sample


@settings(max_examples=300)
@given(pictures, st.integers(-500, 4500), st.integers(-500, 4500), st.integers(1, 900), st.integers(1, 900))
def test_the_way_to_the_coded_picture_is_the_way_back_from_the_displayed_one(
    picture: Picture, left: int, top: int, width: int, height: int
) -> None:
    box = Box(left, top, width, height)
    shown = as_displayed(to_coded(box, picture), picture)
    sample = max(1.0, float(picture.sample_aspect_ratio))
    for name in ("left", "top", "right", "bottom"):
        assert abs(getattr(shown, name) - getattr(box, name)) <= 1.5 * sample


@settings(max_examples=120)
@given(
    small_pictures,
    st.one_of(st.sampled_from(ANCHORS), st.builds(lambda x, y: {"x": x, "y": y}, *[st.integers(-40, 100)] * 2)),
    widths,
    angles,
    st.one_of(st.none(), st.integers(0, 30)),
)
def test_a_layer_lies_on_the_picture_with_even_edges_or_nothing_of_it_is_seen(
    picture: Picture, position: Any, width: Any, angle: float, tile: int | None
) -> None:
    settings = {"image": "a.png", "position": position, "width": width, "rotate": angle, "tile": tile}
    watermark = validate({"overlays": [settings]}, "a.json")
    try:
        [layer] = draw_layers(watermark, {"a.png": Image.new("RGBA", (20, 10), (255, 0, 0, 255))}, picture)
    except WatermarkInvalid as refused:
        problem = refused.message
        assert "never visible" in problem or "would be" in problem
        return
    assert layer.left >= 0
    assert layer.top >= 0
    assert layer.left + layer.width <= picture.width + picture.width % 2
    assert layer.top + layer.height <= picture.height + picture.height % 2
    assert (layer.left | layer.top | layer.width | layer.height) % 2 == 0
    drawn = layer.picture(0)
    assert drawn.size == (layer.width, layer.height)
    assert drawn.getchannel("A").getbbox() is not None


texts = st.text(max_size=12)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
names = sorted({*ImageOverlay.model_fields, "text", "size", "color", "outline", "overlays", "x"})
nearly_overlays = st.dictionaries(st.sampled_from(names), json_values, max_size=6)
nearly_watermarks: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"overlays": st.lists(st.one_of(nearly_overlays, json_values), max_size=5)}, optional={"x": json_values}
)


@settings(max_examples=100)
@given(st.one_of(nearly_watermarks, st.dictionaries(texts, json_values, max_size=3)))
def test_a_document_is_a_watermark_or_told_in_one_bounded_sentence(document: dict[str, Any]) -> None:
    try:
        validate(document, "a.json")
    except WatermarkInvalid as refused:
        problem = refused.message
        assert problem.startswith("The watermark a.json is wrong at ")
        assert len(problem.encode()) < 1500


@settings(max_examples=80)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode), json_values.map(str).map(str.encode)))
def test_bytes_are_a_document_or_told_in_one_bounded_sentence(content: bytes) -> None:
    try:
        assert isinstance(parse_document(content, "a.json"), dict)
    except WatermarkInvalid as refused:
        problem = refused.message
        assert problem.startswith("The watermark a.json is ")
        assert len(problem.encode()) < 1500


colours = st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True)
drawable = st.text(st.characters(codec="latin-1", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=30)
placed: dict[str, st.SearchStrategy[Any]] = {
    "position": st.one_of(st.sampled_from(ANCHORS), st.fixed_dictionaries({"x": lengths, "y": lengths})),
    "margin": lengths,
    "opacity": st.floats(0.01, 1),
    "rotate": angles,
    "start": st.floats(0, 100),
    "end": st.one_of(st.none(), st.floats(101, 1000)),
    "fade": st.floats(0, 10),
    "tile": st.one_of(st.none(), lengths),
}
image_overlays: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"image": st.just("a.png")}, optional={"width": widths, **placed}
)
text_overlays: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"text": drawable.filter(str.strip)},
    optional={"size": widths, "color": colours, "outline": st.one_of(st.none(), colours), **placed},
)


@settings(max_examples=60)
@given(st.lists(st.one_of(image_overlays, text_overlays), min_size=1, max_size=4))
def test_what_is_written_is_what_is_read(overlays: list[dict[str, Any]]) -> None:
    watermark = validate(parse_document(json.dumps({"overlays": overlays}).encode(), "a.json"), "a.json")
    for written, read in zip(overlays, watermark.overlays, strict=True):
        assert read.model_fields_set == set(written)
        for name, value in written.items():
            found = getattr(read, name)
            if name in ("width", "size", "margin", "tile") and value is not None:
                number, percent = (value[:-1], True) if isinstance(value, str) else (value, False)
                assert (found.value, found.percent) == (float(number), percent)
            elif not isinstance(value, dict):
                assert found == value
    assert validate(json.loads(json.dumps({"overlays": overlays})), "b.json") == watermark
