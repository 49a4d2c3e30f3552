"""Text as an image, drawn by Pillow in a font that the worker depends on, the same one on every machine.

The box of a text is what is seen of it: no room is kept for what letters like g or Á would need and those at hand do
not.
"""

import io
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import ceil, floor

from PIL import Image, ImageColor, ImageDraw, ImageFont, features

from worker.engine.geometry import Picture, refuse_if_far_larger
from worker.errors import WatermarkInvalid
from worker.watermark import Point, TextOverlay

# The first that has all of a text's characters draws the whole of it: fonts are not mixed within a text. Latin and
# Cyrillic are in both; Greek, Vietnamese and Devanagari are in the first, Hebrew and Arabic in the second.
FONTS = (("fontpkg_noto_sans", "NotoSans[wdth,wght].ttf"), ("fontpkg_rubik", "Rubik[wght].ttf"))
OUTLINE_SHARE = 0.06  # of the size of the letters: seen, and the eyes of e and a stay open
_JOINERS = "\u200c\u200d"
_MISSING = "\uffff"  # no font has this one, so it looks like all that a font has not


def draw_text(overlay: TextOverlay, picture: Picture) -> Image.Image:
    """Return the text as RGBA in pixels of the displayed picture, not yet turned.

    Raises:
        WatermarkInvalid: The font lacks a character, the system cannot lay out the script, or the text is too large.
    """
    chosen = _chosen_font(overlay)
    size = max(1.0, overlay.size.pixels(picture.displayed[0]))
    font = _font(chosen, size, _layout(overlay.text))
    stroke = max(1.0, size * OUTLINE_SHARE) if overlay.outline else 0.0
    lines = _lines(overlay, font)
    boxes = [_box(line, font, stroke) for line in lines]
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    whole = max(box[2] for box in boxes) - left, max(box[3] for box in boxes) - top
    refuse_if_far_larger(overlay, whole, picture)
    letters = _coverage(lines, font, 0.0, (left, top), whole)
    if overlay.outline:
        result = _coloured(_coverage(lines, font, stroke, (left, top), whole), overlay.outline)
        result.alpha_composite(_coloured(letters, overlay.color))
    else:
        result = _coloured(letters, overlay.color)
    # The model refuses a text of nothing but spaces; at a pixel of size the rest may be too faint to be drawn.
    return result.crop(result.getchannel("A").getbbox() or (0, 0, 1, 1))


def refuse_undrawable(overlay: TextOverlay) -> None:
    """Refuse a text that no font has, or that this system cannot lay out.

    Raises:
        WatermarkInvalid
    """
    _chosen_font(overlay)


def load_fonts() -> None:
    """Read the files of all fonts, after which none of them is opened again."""
    for number in range(len(FONTS)):
        _font_file(number)


def _chosen_font(overlay: TextOverlay) -> int:
    missing = [_missing_character(number, overlay.text) for number in range(len(FONTS))]
    if None not in missing:
        character = max((found for found in missing if found), key=overlay.text.find)
        alone = [_missing_character(number, character) for number in range(len(FONTS))]
        problem = "and the font that draws what comes before it lacks it" if None in alone else "which no font here has"
        raise WatermarkInvalid(
            f"The watermark text {overlay.label} has the character {character!r} (U+{ord(character):04X}), {problem}.",
            "Leave it out, give another script an overlay of its own, or use a PNG with transparency as an image.",
        )
    if _needs_shaping(overlay.text) and not features.check_feature("fribidi"):
        raise WatermarkInvalid(
            f"The watermark text {overlay.label} runs from right to left or combines characters, for which the library "
            "FriBidi is missing.",
            "Install it (Debian: libfribidi0; the worker's image has it), or draw the text into a PNG.",
        )
    return missing.index(None)


def _missing_character(number: int, text: str) -> str | None:
    font = _font(number, 64, ImageFont.Layout.BASIC)
    missing = _look(font, _MISSING)
    shaped = _needs_shaping(text)
    for character in unicodedata.normalize("NFC", text).replace("\n", ""):
        if shaped and character in _JOINERS:  # they change the letters beside them, and are not drawn themselves
            continue
        if _look(font, character) == missing:
            return character
    return None


def _font(number: int, size: float, layout: ImageFont.Layout) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(io.BytesIO(_font_file(number)), size, layout_engine=layout)
    font.set_variation_by_name("Regular")  # both are variable, and the second is a light one by default
    return font


@cache
def _font_file(number: int) -> bytes:
    package, name = FONTS[number]
    return (files(package) / "files" / name).read_bytes()


def _look(font: ImageFont.FreeTypeFont, character: str) -> tuple[float, bytes]:
    return font.getlength(character), bytes(font.getmask(character))


def _needs_shaping(text: str) -> bool:
    return any(
        unicodedata.bidirectional(character) in ("R", "AL", "AN") or unicodedata.category(character)[0] in "MC"
        for character in unicodedata.normalize("NFC", text).replace("\n", "")
    )


def _layout(text: str) -> ImageFont.Layout:
    # Plain scripts do without FriBidi, so that they look the same wherever the worker runs.
    return ImageFont.Layout.RAQM if _needs_shaping(text) else ImageFont.Layout.BASIC


@dataclass(frozen=True)
class _Line:
    """A line of text; its letters stand on `baseline` and begin at `left`."""

    text: str
    left: float
    baseline: int


def _lines(overlay: TextOverlay, font: ImageFont.FreeTypeFont) -> list[_Line]:
    texts = unicodedata.normalize("NFC", overlay.text).split("\n")
    widths = [font.getlength(text) for text in texts]
    distance, alignment = sum(font.getmetrics()), _alignment(overlay)
    return [
        _Line(text, (max(widths) - width) * alignment, number * distance)
        for number, (text, width) in enumerate(zip(texts, widths, strict=True))
    ]


def _alignment(overlay: TextOverlay) -> float:
    """Return how much of the free room lies left of a line: lines keep to the side that the text is anchored at."""
    if isinstance(overlay.position, Point) or "left" in overlay.position:
        return 0.0
    return 1.0 if "right" in overlay.position else 0.5


def _box(line: _Line, font: ImageFont.FreeTypeFont, stroke: float) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what is drawn, rounded outwards and a pixel more, for soft edges."""
    left, top, right, bottom = font.getbbox(line.text, anchor="ls", stroke_width=stroke)
    return (
        floor(line.left + left) - 1, floor(line.baseline + top) - 1,
        ceil(line.left + right) + 1, ceil(line.baseline + bottom) + 1,
    )  # fmt: skip


def _coverage(
    lines: list[_Line], font: ImageFont.FreeTypeFont, stroke: float, origin: tuple[int, int], size: tuple[int, int]
) -> Image.Image:
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    for line in lines:
        where = line.left - origin[0], line.baseline - origin[1]
        draw.text(where, line.text, fill=255, font=font, anchor="ls", stroke_width=stroke)
    return mask


def _coloured(coverage: Image.Image, colour: str) -> Image.Image:
    result = Image.new("RGBA", coverage.size, ImageColor.getrgb(colour))
    result.putalpha(coverage)
    return result
