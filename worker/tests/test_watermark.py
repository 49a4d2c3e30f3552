import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import WatermarkInvalid
from worker.lengths import Length
from worker.watermark import MAX_JSON_BYTES, ImageOverlay, Point, for_image, parse_document, validate

NUMBERS = ("width", "margin", "tile", "opacity", "rotate", "start", "end", "fade")
HUGE = 10**400  # JSON has it, a float does not


def overlay(**settings: Any) -> dict[str, Any]:
    return {"overlays": [{"image": "acme.png", **settings}]}


def test_the_example_of_the_design_is_accepted() -> None:
    watermark = validate(
        overlay(position="bottom-right", width="15%", margin="2%", opacity=0.8, rotate=0, start=0, end=None, fade=0.5,
                tile=None),
        "acme.json",
    )  # fmt: skip
    assert isinstance(watermark.overlays[0], ImageOverlay)
    assert watermark.overlays[0].width == Length(value=15, percent=True)
    assert watermark.images() == ("acme.png",)


def test_a_bare_image_gets_defaults() -> None:
    mark = validate(for_image("acme.png"), "acme.png").overlays[0]
    assert (mark.position, mark.opacity, mark.start, mark.end, mark.tile) == ("bottom-right", 1.0, 0.0, None, None)


def test_a_position_may_be_a_point() -> None:
    position = validate(overlay(position={"x": "10%", "y": 40}), "acme.json").overlays[0].position
    assert isinstance(position, Point)
    assert (position.x.pixels(640), position.y.pixels(640)) == (64, 40)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"opacity": 1.1}, "opacity"),
        ({"opacity": 0}, "never visible"),
        ({"opacity": 0.001}, "never visible"),
        ({"opacity": "0.5"}, "opacity"),
        ({"opacity": True}, "opacity"),
        ({"position": "middle"}, "position"),
        ({"position": {"x": 1}}, "position"),
        ({"width": 0}, "width"),
        ({"width": "101%"}, "width"),
        ({"width": "wide"}, "width"),
        ({"width": "nan%"}, "width"),
        ({"margin": -1}, "margin"),
        ({"margin": "1e400%"}, "margin"),
        ({"start": 5, "end": 5}, "end"),
        ({"fade": -1}, "fade"),
        ({"rotate": 361}, "rotate"),
        ({"tile": -1}, "tile"),
        ({"colour": "red"}, "colour"),
        *(({name: HUGE}, name) for name in NUMBERS),
        *(({name: -HUGE}, name) for name in NUMBERS),
        ({"position": {"x": HUGE, "y": 0}}, "position"),
        ({"width": "x" * 60_000}, "width"),
        ({"x" * 60_000: 1}, "overlays"),
        ({"\ud800": 1}, "unicode"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], word: str) -> None:
    with pytest.raises(WatermarkInvalid, match=word) as caught:
        validate(overlay(**settings), "acme.json")
    assert len(caught.value.message.encode()) < 500  # it goes into the record, which is UTF-8


NO_POSITION = (
    "neither one of top-left, top, top-right, left, center, right, bottom-left, bottom, bottom-right "
    "nor a point with x and y"
)


@pytest.mark.parametrize(
    ("position", "problem"),
    [
        ("middle", f"position: 'middle' is {NO_POSITION}"),
        (7, f"position: 7 is {NO_POSITION}"),
        (["10%", 40], f"position: a nested value is {NO_POSITION}"),
        (None, f"position: null is {NO_POSITION}"),
        ({"x": 1}, "position.y: it is missing"),
        ({"x": "far", "y": 1}, "position.x: 'far' is no length: write pixels or a percentage such as '15%'"),
        ("10%, 40", 'position: a point is written {"x": "10%", "y": 40}'),
        ({"x": True, "y": 1}, "position.x: true is no length: write pixels or a percentage such as '15%'"),
        ({"x": 1, "y": 9000}, "position.y: 9000 is out of range"),
        ({"x": 1, "y": 1, "z": 1}, "position.z: there is no such setting"),
    ],
)
def test_a_wrong_position_is_told_in_plain_words(position: Any, problem: str) -> None:
    with pytest.raises(WatermarkInvalid) as caught:
        validate(overlay(position=position), "acme.json")
    assert caught.value.message == f"The watermark acme.json is wrong at overlays.0.{problem}."


@pytest.mark.parametrize(
    ("overlays", "problem"),
    [
        ([{"image": "a.png", "postion": "top"}], ".0.postion: there is no such setting; perhaps 'position' is meant"),
        ([{"text": "a", "colour": "#ffffff"}], ".0.colour: there is no such setting; perhaps 'color' is meant"),
        ([{"text": "a", "width": "10%"}], ".0.width: a text has no width, but a size"),
        ([{"image": "a.png", "size": "10%"}], ".0.size: an image has no size, but a width"),
        ([{"image": "a.png", "outline": "#ffffff"}], ".0.outline: an image has no outline"),
        ([{"image": "a.png", "opacity": "80%"}],
         ".0.opacity: '80%' is no number; write a number from 0 to 1, such as 0.8"),
        ([{"image": "a.png", "opacity": 80}],
         ".0.opacity: 80 is more than 1; write a number from 0 to 1, such as 0.8"),
        ([{"image": "a.png", "start": "00:10"}], ".0.start: '00:10' is no number; write seconds, such as 10.5"),
        ([{"image": "a.png", "fade": -1}], ".0.fade: -1 is less than 0; write seconds, such as 0.5"),
        ([{"text": 5}], ".0.text: 5 is no text; write it in quotation marks"),
        ([{"text": "x" * 501}], ".0.text: it has more than 500 characters"),
        ([], ": there is none; write one at least"),
        ([{"text": "a"}] * 5, ": there may be 4 at most"),
        ({"text": "a"}, ": they are no list; write them in square brackets"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_plain_words(overlays: Any, problem: str) -> None:
    with pytest.raises(WatermarkInvalid) as caught:
        validate({"overlays": overlays}, "acme.json")
    assert caught.value.message == f"The watermark acme.json is wrong at overlays{problem}."


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({}, "overlays: it is missing"),
        ({"overlay": [{"text": "a"}]}, "overlay: there is no such setting; perhaps 'overlays' is meant"),
        ({"text": "a"}, "text: it belongs into one of the overlays"),
        ({"overlays": [{"text": "a"}], "margin": 2}, "margin: it belongs into one of the overlays"),
        ({"overlays": [{"text": "a"}], "overlay": 2}, "overlay: there is no such setting; perhaps 'overlays' is meant"),
    ],
)
def test_so_is_what_is_wrong_around_the_overlays(document: dict[str, Any], problem: str) -> None:
    with pytest.raises(WatermarkInvalid) as caught:
        validate(document, "acme.json")
    assert caught.value.message == f"The watermark acme.json is wrong at {problem}."


@pytest.mark.parametrize("field", ["image", *NUMBERS, "position", "colour"])
@pytest.mark.parametrize("depth", [10, 900, 5_000, 9_900, 9_990, 30_000])
def test_a_deep_nest_in_place_of_a_setting_is_refused(field: str, depth: int) -> None:
    text = b'{"overlays": [{"image": "a.png", "%s": %s%s}]}' % (field.encode(), b"[" * depth, b"]" * depth)
    with pytest.raises(WatermarkInvalid):
        validate(parse_document(text, "acme.json"), "acme.json")


@pytest.mark.parametrize(
    "name",
    ["../acme.png", "a/../b.png", "/etc/acme.png", "a//b.png", "./a.png", "a\\b.png", "a\0.png", "", "a.svg", "png"],
)
def test_an_image_is_a_plain_path_below_the_watermarks(name: str) -> None:
    with pytest.raises(WatermarkInvalid, match="image"):
        validate(overlay(image=name), "acme.json")


@given(st.text(max_size=30))
def test_no_image_name_leaves_the_folder(name: str) -> None:
    try:
        validate(overlay(image=name + ".png"), "acme.json")
    except WatermarkInvalid:
        return
    assert not name.startswith("/")
    assert "\\" not in name
    assert ".." not in (name + ".png").split("/")


@pytest.mark.parametrize("document", [{}, {"overlays": []}, {"overlays": [{"image": "a.png"}] * 5}, {"overlays": 1}])
def test_there_are_one_to_four_overlays(document: dict[str, Any]) -> None:
    with pytest.raises(WatermarkInvalid, match="overlays"):
        validate(document, "acme.json")


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"\xff", b'{"overlays": [], "overlays": []}', b'{"a": NaN}', b"[" * 60_000,
     b'{"a": ' + b"1" * 5000 + b"}",
     b" " * (MAX_JSON_BYTES + 1)],
)  # fmt: skip
def test_what_is_no_json_object_is_refused(text: bytes) -> None:
    with pytest.raises(WatermarkInvalid, match=r"acme\.json"):
        parse_document(text, "acme.json")


def test_another_encoding_is_said() -> None:
    with pytest.raises(WatermarkInvalid, match="not valid JSON: it must be saved as UTF-8"):
        parse_document('{"overlays": [{"text": "Grüße"}]}'.encode("latin-1"), "acme.json")


def test_json_is_read_with_or_without_a_byte_order_mark() -> None:
    text = json.dumps(overlay())
    assert parse_document(text.encode(), "acme.json") == parse_document(text.encode("utf-8-sig"), "acme.json")
