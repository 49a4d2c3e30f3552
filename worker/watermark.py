"""The watermark file: one strict model of its JSON. Nothing here touches pixels or storage."""

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from worker.errors import WatermarkInvalid
from worker.lengths import AnyLength, Distance, Length, Strict, Width
from worker.problems import in_words

MAX_OVERLAYS = 4
MAX_JSON_BYTES = 64 * 1024
MAX_IMAGE_BYTES = 32 * 1024 * 1024
OPAQUE = 255  # alpha has 8 bits
MAX_SECONDS = 7 * 24 * 3600
MAX_PROBLEM_CHARACTERS = 300  # the problem quotes the file, and goes into the job record
MAX_TEXT_CHARACTERS = 500
MAX_LABEL_CHARACTERS = 40
IMAGE_SUFFIXES = (".png", ".apng", ".jpg", ".jpeg", ".webp", ".gif")
SVG_HINT = "Save it as a PNG with transparency, as wide as the watermark will ever be."
_INVISIBLE = ("Cc", "Cs", "Cf", "Co", "Zl", "Zp")  # controls, surrogates, formats, private use, separators
# Joiners and directional marks are part of some scripts.
_ALLOWED_INVISIBLE = "\n\u200c\u200d\u200e\u200f"

Anchor = Literal["top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right"]
ANCHORS: tuple[str, ...] = get_args(Anchor)


def _visible(opacity: float) -> float:
    if round(opacity * OPAQUE) == 0:
        raise ValueError(f"with an opacity of {opacity:g} the watermark is never visible in the video")
    return opacity


def _plain_relative_path(name: str) -> str:
    parts = name.split("/")
    if "\\" in name or not name.isprintable() or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{name!r} is no plain path below the watermark folder")
    if name.lower().endswith(".svg"):
        raise ValueError(f"{name!r} is an SVG, which is not read; save it as a PNG with transparency")
    if not name.lower().endswith(IMAGE_SUFFIXES):
        raise ValueError(f"{name!r} is none of {', '.join(IMAGE_SUFFIXES)}")
    return name


def _drawable(text: str) -> str:
    text = text.replace("\r\n", "\n")
    for character in text:
        if character not in _ALLOWED_INVISIBLE and unicodedata.category(character) in _INVISIBLE:
            raise ValueError(f"the character U+{ord(character):04X} cannot be drawn; lines are separated by \\n alone")
    if not text.strip():
        raise ValueError("there is nothing to see in it")
    return text


def _six_digits(colour: str) -> str:
    if not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise ValueError(f"{colour!r} is no colour: write six hexadecimal digits such as '#ffffff'")
    return colour


ImageName = Annotated[str, Field(max_length=512), AfterValidator(_plain_relative_path)]
Text = Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS), AfterValidator(_drawable)]
Colour = Annotated[str, AfterValidator(_six_digits)]
Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS)]
Opacity = Annotated[float, Field(ge=0, le=1), AfterValidator(_visible)]


class Point(Strict):
    """Where the top left corner of the mark's box lies, measured from the top left of the displayed picture."""

    x: AnyLength
    y: AnyLength


_ANCHOR_TAG, _POINT_TAG = "an anchor", "a point"  # part of an error's place, but of nobody's JSON


def _kind_of_position(value: object) -> str | None:
    if isinstance(value, dict | Point):
        return _POINT_TAG
    return _ANCHOR_TAG if isinstance(value, str) and value in ANCHORS else None


# Of a plain union pydantic would tell what is wrong with the alternative that nobody meant.
Position = Annotated[
    Annotated[Anchor, Tag(_ANCHOR_TAG)] | Annotated[Point, Tag(_POINT_TAG)],
    Discriminator(
        _kind_of_position,
        custom_error_type="position",
        custom_error_message=f"neither one of {', '.join(ANCHORS)} nor a point with x and y",
    ),
]


class Placed(Strict):
    """What images and texts have in common: place, opacity and time.

    Attributes:
        position: An anchor, from which `margin` keeps a distance, or the box's own top left corner.
        opacity: 1 is the mark as it is; what 8 bits round to nothing is refused.
        rotate: Degrees clockwise; the box grows to hold the turned mark.
        start, end: Seconds of the video's own clock; shown while start <= t < end. No end: to the end.
        fade: Seconds to appear after `start` and to disappear before `end`.
        tile: If set, the mark is repeated over the whole picture with this gap between the boxes of the turned marks.
    """

    position: Position = "bottom-right"
    margin: Distance = Length(value=2, percent=True)
    opacity: Opacity = 1.0
    rotate: Annotated[float, Field(ge=-360, le=360)] = 0.0
    start: Seconds = 0.0
    end: Seconds | None = None
    fade: Seconds = 0.0
    tile: Distance | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end is not None and self.end <= self.start:
            raise ValueError("end must be later than start")
        return self


class ImageOverlay(Placed):
    """One image on the picture; an animated one begins at `start` and is repeated.

    Attributes:
        image: Plain path below the watermark folder.
        width: Width of the image before it is turned; its height follows.
    """

    image: ImageName
    width: Width = Length(value=15, percent=True)

    @property
    def label(self) -> str:
        """What errors call it."""
        return self.image


class TextOverlay(Placed):
    """Lines of text on the picture.

    Attributes:
        text: Taken literally; a newline begins a new line, and so does "\\r\\n".
        size: Of the letters: one em of the font.
        color: Red, green and blue as "#rrggbb".
        outline: The colour of a line around the letters, which keeps them readable on any background.
    """

    text: Text
    size: Width = Length(value=4, percent=True)
    color: Colour = "#ffffff"
    outline: Colour | None = None

    @property
    def label(self) -> str:
        """What errors call it."""
        line = " ".join(self.text.split())
        return repr(line if len(line) <= MAX_LABEL_CHARACTERS else line[:MAX_LABEL_CHARACTERS] + "…")


_IMAGE_TAG, _TEXT_TAG = "an image", "a text"


def _kind_of_overlay(value: object) -> str | None:
    fields = value if isinstance(value, dict) else getattr(value, "model_fields_set", ())
    if ("image" in fields) == ("text" in fields):
        return None
    return _IMAGE_TAG if "image" in fields else _TEXT_TAG


Overlay = Annotated[
    Annotated[ImageOverlay, Tag(_IMAGE_TAG)] | Annotated[TextOverlay, Tag(_TEXT_TAG)],
    Discriminator(
        _kind_of_overlay,
        custom_error_type="overlay",
        custom_error_message="an overlay is an object with either an image or a text",
    ),
]
_TAGS = (_ANCHOR_TAG, _POINT_TAG, _IMAGE_TAG, _TEXT_TAG)


class Watermark(Strict):
    """What goes on the picture, the first overlay lowest."""

    overlays: Annotated[tuple[Overlay, ...], Field(min_length=1, max_length=MAX_OVERLAYS, strict=False)]

    def images(self) -> tuple[str, ...]:
        """Return the names of the images, each once, in order of appearance."""
        named = [overlay.image for overlay in self.overlays if isinstance(overlay, ImageOverlay)]
        return tuple(dict.fromkeys(named))


_SETTINGS: dict[str, type[BaseModel]] = {
    "": Watermark,
    _IMAGE_TAG: ImageOverlay,
    _TEXT_TAG: TextOverlay,
    _POINT_TAG: Point,
}


def for_image(name: str) -> dict[str, Any]:
    """Return the document of a bare image file: the image with all settings at their defaults."""
    return {"overlays": [{"image": name}]}


def is_image_name(name: str) -> bool:
    """Whether a document may name an image so."""
    try:
        validate(for_image(name), name)
    except WatermarkInvalid:
        return False
    return True


def parse_document(text: bytes, name: str) -> dict[str, Any]:
    """Return the JSON object in `text`; `name` is the file that an error is about.

    Raises:
        WatermarkInvalid: It is too long, is not UTF-8 JSON, has a key twice, or is no object.
    """
    if len(text) > MAX_JSON_BYTES:
        raise WatermarkInvalid(f"The watermark {name} is longer than {MAX_JSON_BYTES} bytes.")
    try:
        document = json.loads(text.decode("utf-8-sig"), object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise WatermarkInvalid(f"The watermark {name} is not valid JSON: it must be saved as UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise WatermarkInvalid(f"The watermark {name} is not valid JSON: {error}.") from error
    if not isinstance(document, dict):
        raise WatermarkInvalid(f"The watermark {name} is not a JSON object.")
    return document


def validate(document: Mapping[str, Any], name: str) -> Watermark:
    """Return the checked watermark of a document; `name` is the file that an error is about.

    Raises:
        WatermarkInvalid: The sentence names the first field that is wrong.
    """
    try:
        return Watermark.model_validate(document)
    except ValidationError as error:
        raise WatermarkInvalid(f"The watermark {name} is wrong at {_first_problem(error)}.") from error


def no_watermark_file(name: str) -> str:
    """Say what a file is that neither its name nor its content makes a watermark; without a full stop."""
    return f"{name} is neither a picture ({', '.join(IMAGE_SUFFIXES)}) nor a .json description"


def never_visible(why: str, hint: str) -> WatermarkInvalid:
    """Return the error of a watermark that would leave the bare video; `why` is half a sentence."""
    return WatermarkInvalid(f"The watermark is never visible in this video: {why}.", hint)


def _first_problem(error: ValidationError) -> str:
    first, *others = error.errors(include_url=False)
    if first["type"] == "missing":  # often since it is there by a wrong name
        misnamed = (other for other in others if other["type"] == "extra_forbidden")
        first = next((other for other in misnamed if other["loc"][:-1] == first["loc"][:-1]), first)
    place = ".".join(str(part) for part in first["loc"] if part not in _TAGS) or "its top"
    problem = f"{place}: {in_words(first, _SETTINGS)}"
    return problem if len(problem) <= MAX_PROBLEM_CHARACTERS else problem[:MAX_PROBLEM_CHARACTERS] + " …"


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key appears twice")
    return result


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
