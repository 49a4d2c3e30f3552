from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from worker.engine.geometry import (
    Box,
    Orientation,
    Picture,
    image_size,
    orientation_of,
    place,
    tile_origins,
    to_coded,
    turned_size,
)
from worker.watermark import Anchor, ImageOverlay, validate

orientations = st.builds(Orientation, st.sampled_from((0, 90, 180, 270)), st.booleans())
pictures = st.builds(
    Picture,
    st.integers(16, 4096),
    st.integers(16, 4096),
    st.sampled_from((Fraction(1), Fraction(64, 45), Fraction(8, 9))),
    orientations,
)


def overlay(**settings: object) -> ImageOverlay:
    result = validate({"overlays": [{"image": "a.png", **settings}]}, "a.json").overlays[0]
    assert isinstance(result, ImageOverlay)
    return result


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (None, Orientation(0)),
        ((0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30), Orientation(90)),
        ((-65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30), Orientation(180)),
        ((0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30), Orientation(270)),
        ((-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30), Orientation(0, True)),
        ((65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30), Orientation(180, True)),
        ((0,) * 9, Orientation(0)),
    ],
)
def test_the_orientation_is_read_from_the_display_matrix(
    matrix: tuple[int, ...] | None, expected: Orientation
) -> None:  # fmt: skip
    assert orientation_of(matrix) == expected


@given(pictures, st.sampled_from(get_args(Anchor)), st.integers(1, 100), st.integers(0, 10))
def test_an_anchored_mark_lies_within_the_displayed_picture(
    picture: Picture, anchor: str, percent: int, margin: int
) -> None:
    mark = overlay(position=anchor, width=f"{percent}%", margin=f"{margin}%")
    size = image_size(mark, (100, 50), picture)
    width, height = picture.displayed
    distance = mark.margin.pixels(width)
    assume(size[0] + 2 * distance <= width and size[1] + 2 * distance <= height)
    box = place(mark, size, picture)
    assert box.left >= distance - 0.5
    assert box.top >= distance - 0.5
    assert box.right <= width - distance + 0.5
    assert box.bottom <= height - distance + 0.5


@given(orientations, st.data())
def test_a_box_in_the_coded_picture_is_displayed_where_it_was_meant(
    orientation: Orientation, data: st.DataObject
) -> None:
    """Drawing into the coded picture and turning that as a player does is drawing into the displayed picture."""
    picture = Picture(24, 16, Fraction(1), orientation)
    width, height = (int(side) for side in picture.displayed)
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = Box(left, top, data.draw(st.integers(1, width - left)), data.draw(st.integers(1, height - top)))
    expected = Image.new("L", (width, height))
    expected.paste(255, (int(box.left), int(box.top), int(box.right), int(box.bottom)))
    coded = Image.new("L", (24, 16))
    target = to_coded(box, picture)
    coded.paste(255, (int(target.left), int(target.top), int(target.right), int(target.bottom)))
    if orientation.mirrored:
        coded = coded.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert coded.rotate(-orientation.clockwise, expand=True).tobytes() == expected.tobytes()


@given(st.integers(1, 500), st.integers(1, 500), st.floats(-360, 360))
def test_a_turned_image_fits_its_box(width: int, height: int, angle: float) -> None:
    turned = turned_size((width, height), angle)
    diagonal = (width**2 + height**2) ** 0.5
    assert all(1 <= side <= diagonal + 1 for side in turned)
    assert turned_size((width, height), 90) == (height, width)
    assert turned_size((width, height), 360) == (width, height)


@given(st.integers(-500, 500), st.integers(1, 200), st.integers(0, 50), st.integers(16, 500))
def test_tiles_cover_the_picture_and_contain_the_first(first: int, size: int, gap: int, width: int) -> None:
    picture = Picture(width, width)
    lefts, tops = tile_origins(Box(first, first, size, size), overlay(tile=gap).tile or overlay(tile=0).margin, picture)
    assert lefts == tops
    assert lefts[0] <= 0 or lefts[0] - gap <= 0
    assert lefts[-1] + size + gap >= width
    assert {(left - first) % (size + gap) for left in lefts} == {0}
