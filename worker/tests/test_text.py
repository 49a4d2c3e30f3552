from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat, features

from worker.engine.geometry import Picture
from worker.engine.text import draw_text
from worker.errors import WatermarkInvalid
from worker.watermark import TextOverlay, validate

HD = Picture(1280, 720)


def overlay(text: str, **settings: Any) -> TextOverlay:
    result = validate({"overlays": [{"text": text, **settings}]}, "a.json").overlays[0]
    assert isinstance(result, TextOverlay)
    return result


def drawn(text: str, picture: Picture = HD, **settings: Any) -> Image.Image:
    return draw_text(overlay(text, **settings), picture)


def test_a_text_fills_its_box_and_has_its_colour() -> None:
    image = drawn("I", size="10%", color="#2040C0")
    assert image.getchannel("A").getbbox() == (0, 0, *image.size)
    assert abs(image.height - 128 * 0.714) <= 2  # capitals of Noto Sans have 714 of 1000 units
    assert image.getpixel((image.width // 2, image.height // 2)) == (0x20, 0x40, 0xC0, 255)


def test_the_size_follows_the_displayed_width() -> None:
    small, large = drawn("ACME", Picture(640, 360)), drawn("ACME", Picture(1920, 1080))
    assert abs(large.width / small.width - 3) < 0.1
    assert drawn("ACME", Picture(640, 1136), size=40).size == drawn("ACME", HD, size=40).size


def test_lines_keep_to_the_side_of_their_anchor() -> None:
    def free(position: object) -> tuple[int, int]:
        image = drawn("i\nWWWWW", position=position, size=40)
        alpha = image.getchannel("A").crop((0, 0, image.width, image.height // 2 - 10))
        left, _, right, _ = alpha.getbbox() or (0, 0, 0, 0)
        return left, image.width - right

    assert free("left")[0] < 8 < 50 < free("left")[1]
    assert free("top-right")[1] < 8 < 50 < free("top-right")[0]
    assert abs(free("bottom")[0] - free("bottom")[1]) <= 2
    assert free({"x": 0, "y": 0}) == free("left")


def test_what_a_filter_graph_would_take_for_commands_is_text() -> None:
    for character in "':\\%{}[];,=\"$`":
        assert drawn(f"a{character}b").width > drawn("ab").width, character
    assert drawn("\\n").size == drawn("\\n").size
    assert drawn("a\\nb").height < drawn("a\nb").height
    assert drawn("%{pts}").width > drawn("pts").width


def test_an_outline_lies_around_the_letters_and_not_on_them() -> None:
    plain, outlined = drawn("H", size=100), drawn("H", size=100, outline="#000000")
    assert outlined.width - plain.width == outlined.height - plain.height == 12
    over_grey = Image.new("RGBA", outlined.size, (128, 128, 128, 255))
    over_grey.alpha_composite(outlined)
    inside = over_grey.crop((6, 6, 6 + plain.width, 6 + plain.height)).convert("L")
    expected = Image.new("L", plain.size, 0)
    expected.paste(255, (0, 0), plain.getchannel("A"))
    upper_bar = (2, 2, 10, plain.height - 2)
    assert ImageChops.difference(inside.crop(upper_bar), expected.crop(upper_bar)).getextrema() == (0, 0)
    assert over_grey.getpixel((3, outlined.height // 2)) == (0, 0, 0, 255)


@pytest.mark.parametrize(
    ("text", "character"),
    [("漢字", "U+6F22"), ("ok ก", "U+0E01"), ("👩‍🚀", "U+1F469"), ("\ufffe", "U+FFFE"), ("a\U0010fffdb", "U+10FFFD")],
)
def test_a_character_that_cannot_be_drawn_is_named(text: str, character: str) -> None:
    with pytest.raises(WatermarkInvalid) as caught:
        drawn(text)
    assert character in caught.value.message


@pytest.mark.parametrize(
    "text", ["\a", "a\tb", "\r", "\n\r", "\x1b[31m", "\u202eevil", "\u2028", "\ud800", "\0", "\x7f"]
)
def test_a_control_character_is_refused_by_the_model(text: str) -> None:
    with pytest.raises(WatermarkInvalid, match=r"overlays\.0\.text: .*(U\+[0-9A-F]{4}|unicode)"):
        overlay("a" + text)


def test_lines_may_end_as_on_windows() -> None:
    assert drawn("a\r\nb").tobytes() == drawn("a\nb").tobytes()


@pytest.mark.parametrize("text", ["", " ", "\n \n", "x" * 501, "x" * 10_000, "x\n" * 400])
def test_too_little_and_too_much_text_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(WatermarkInvalid, match=r"overlays\.0\.text: ") as caught:
        overlay(text)
    assert len(caught.value.message) < 200


def test_five_hundred_lines_are_refused_or_drawn_in_bounds() -> None:
    assert drawn("x\n" * 250, size=1).height <= 750
    with pytest.raises(WatermarkInvalid, match=r"The watermark 'x x .*…' would be .* pixels on a picture of 1280x720"):
        drawn("x\n" * 250, size="50%")


@pytest.mark.parametrize(("text", "first"), [("אב", "א"), ("שלום", "ש")])
def test_text_from_right_to_left_begins_at_the_right(text: str, first: str) -> None:
    if not features.check_feature("fribidi"):
        with pytest.raises(WatermarkInvalid, match="FriBidi"):
            drawn(text)
        return
    # One letter more at the end of the line lies at the left of all others.
    short, long = drawn(text, size=80), drawn(text + " א", size=80)
    assert _difference(short, long, long.width - short.width) < 0.2 * _difference(short, long, 0)
    assert drawn(first).width < drawn(text).width


def _difference(short: Image.Image, long: Image.Image, left: int) -> float:
    """Return how much of `short` is other than what lies in `long` from this column on."""
    part = long.crop((left, long.height - short.height, left + short.width, long.height))
    return ImageStat.Stat(ImageChops.difference(part.getchannel("A"), short.getchannel("A"))).mean[0]


@pytest.mark.parametrize("text", ["Grüße, Ωmega, Жук, Việt", "مرحبا ACME", "שלום Жук", "नमस्ते"])
def test_one_font_draws_the_whole_of_a_text(text: str) -> None:
    if features.check_feature("fribidi"):
        assert drawn(text).getchannel("A").getextrema() == (0, 255)


def test_a_text_that_no_font_has_all_of_is_refused() -> None:
    with pytest.raises(WatermarkInvalid, match=r"'Ω' \(U\+03A9\)") as caught:
        drawn("שלום Ω")
    assert caught.value.message.endswith("and the font that draws what comes before it lacks it.")
    assert "an overlay of its own" in caught.value.hint


@pytest.mark.parametrize("text", ["hello 🎬", "漢", "שלום 漢"])
def test_a_character_that_is_in_no_font_is_said_to_be_in_none(text: str) -> None:
    with pytest.raises(WatermarkInvalid, match=r"\(U\+[0-9A-F]+\), which no font here has\.$"):
        drawn(text)


def test_a_joiner_of_persian_parts_letters_and_is_not_drawn() -> None:
    if features.check_feature("fribidi"):
        parted, joined = drawn("می\u200cخواهم", size=80), drawn("میخواهم", size=80)
        assert parted.width > joined.width
        assert abs(parted.width - drawn("می", size=80).width - drawn("خواهم", size=80).width) < 12
        assert drawn("ب\u200d", size=80).tobytes() != drawn("ب", size=80).tobytes()


def test_letters_of_arabic_are_joined() -> None:
    if features.check_feature("fribidi"):
        assert drawn("ببب", size=80).width < 0.8 * 3 * drawn("ب", size=80).width


def test_an_accent_looks_the_same_however_it_is_written() -> None:
    assert drawn("e\u0301").tobytes() == drawn("é").tobytes()
