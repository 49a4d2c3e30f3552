"""The watermark file: one strict model of its JSON. Nothing here touches pixels or storage."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from worker.errors import WatermarkInvalid

MAX_OVERLAYS = 4
MAX_JSON_BYTES = 64 * 1024
MAX_IMAGE_BYTES = 32 * 1024 * 1024
MAX_LENGTH_PIXELS = 8192  # nothing is larger than an 8K picture
MAX_LENGTH_PERCENT = 1000
OPAQUE = 255  # alpha has 8 bits
MAX_SECONDS = 7 * 24 * 3600
MAX_PROBLEM_CHARACTERS = 300  # the problem quotes the file, and goes into the job record
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")

Anchor = Literal["top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right"]
ANCHORS: tuple[str, ...] = get_args(Anchor)


class Strict(BaseModel):
    """Unknown fields, wrong types, NaN and infinity are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Length(Strict):
    """A length in pixels of the displayed picture, or a percentage of its displayed width."""

    value: float
    percent: bool = False

    def pixels(self, displayed_width: float) -> float:
        """Return the length in pixels of a picture that is this many square pixels wide."""
        return self.value * displayed_width / 100 if self.percent else self.value

    def __str__(self) -> str:
        return f"{self.value:g}%" if self.percent else f"{self.value:g}"


def _parse_length(value: object) -> object:
    if isinstance(value, Length):
        return value
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        number = value.strip() if isinstance(value, str) else str(value)
        try:
            # By way of its text a whole number of hundreds of digits is infinity, which the model refuses.
            return Length(value=float(number.removesuffix("%")), percent=number.endswith("%"))
        except ValueError:
            pass
    shown = "a nested value" if isinstance(value, list | dict) else repr(value)  # repr() fails on thousands of levels
    raise ValueError(f"{shown} is no length: write pixels or a percentage such as '15%'")


def _within_reach(length: Length) -> Length:
    if abs(length.value) > (MAX_LENGTH_PERCENT if length.percent else MAX_LENGTH_PIXELS):
        raise ValueError(f"{length} is out of range")
    return length


def _not_negative(length: Length) -> Length:
    if length.value < 0:
        raise ValueError(f"{length} is negative")
    return length


def _positive(length: Length) -> Length:
    if length.value <= 0 or (length.percent and length.value > 100):
        raise ValueError(f"{length} is not between 0 and the width of the picture")
    return length


def _visible(opacity: float) -> float:
    if round(opacity * OPAQUE) == 0:
        raise ValueError(f"with an opacity of {opacity:g} the watermark is never visible in the video")
    return opacity


def _plain_relative_path(name: str) -> str:
    parts = name.split("/")
    if "\\" in name or not name.isprintable() or any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{name!r} is no plain path below the watermark folder")
    if not name.lower().endswith(IMAGE_SUFFIXES):
        raise ValueError(f"{name!r} is none of {', '.join(IMAGE_SUFFIXES)}")
    return name


AnyLength = Annotated[Length, BeforeValidator(_parse_length), AfterValidator(_within_reach)]
Distance = Annotated[AnyLength, AfterValidator(_not_negative)]
Width = Annotated[AnyLength, AfterValidator(_positive)]
ImageName = Annotated[str, Field(max_length=512), AfterValidator(_plain_relative_path)]
Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS)]
Opacity = Annotated[float, Field(ge=0, le=1), AfterValidator(_visible)]


class Point(Strict):
    """Where the top left corner of the mark's box lies, measured from the top left of the displayed picture."""

    x: AnyLength
    y: AnyLength


_ANCHOR_TAG, _POINT_TAG = "<anchor>", "<point>"  # part of an error's place, but of nobody's JSON


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


class ImageOverlay(Strict):
    """One image on the picture.

    Attributes:
        image: Plain path below the watermark folder.
        position: An anchor, from which `margin` keeps a distance, or the box's own top left corner.
        width: Width of the image before it is turned; its height follows.
        opacity: 1 is the image as it is; what 8 bits round to nothing is refused.
        rotate: Degrees clockwise; the box grows to hold the turned image.
        start, end: Seconds of the video's own clock; shown while start <= t < end. No end: to the end.
        fade: Seconds to appear after `start` and to disappear before `end`.
        tile: If set, the image is repeated over the whole picture with this gap.
    """

    image: ImageName
    position: Position = "bottom-right"
    width: Width = Length(value=15, percent=True)
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


class Watermark(Strict):
    """What goes on the picture, the first overlay lowest."""

    overlays: Annotated[tuple[ImageOverlay, ...], Field(min_length=1, max_length=MAX_OVERLAYS, strict=False)]

    def images(self) -> tuple[str, ...]:
        """Return the names of the images, each once, in order of appearance."""
        return tuple(dict.fromkeys(overlay.image for overlay in self.overlays))


def for_image(name: str) -> dict[str, Any]:
    """Return the document of a bare image file: the image with all settings at their defaults."""
    return {"overlays": [{"image": name}]}


def parse_document(text: bytes, name: str) -> dict[str, Any]:
    """Return the JSON object in `text`; `name` is the file that an error is about.

    Raises:
        WatermarkInvalid: It is too long, is not UTF-8 JSON, has a key twice, or is no object.
    """
    if len(text) > MAX_JSON_BYTES:
        raise WatermarkInvalid(f"The watermark {name} is longer than {MAX_JSON_BYTES} bytes.")
    try:
        document = json.loads(text.decode("utf-8-sig"), object_pairs_hook=_unique_keys, parse_constant=_no_constant)
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
    overlays = document.get("overlays")
    if isinstance(overlays, list) and any(isinstance(overlay, dict) and "text" in overlay for overlay in overlays):
        raise WatermarkInvalid(
            f"The watermark {name} has a text overlay; text overlays are not supported yet.",
            "Draw the text into a PNG with transparency and use that as an image overlay.",
        )
    try:
        return Watermark.model_validate(document)
    except ValidationError as error:
        raise WatermarkInvalid(f"The watermark {name} is wrong at {_first_problem(error)}.") from error


def never_visible(why: str, hint: str) -> WatermarkInvalid:
    """Return the error of a watermark that would leave the bare video; `why` is half a sentence."""
    return WatermarkInvalid(f"The watermark is never visible in this video: {why}.", hint)


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"] if part not in (_ANCHOR_TAG, _POINT_TAG)) or "its top"
    problem = f"{place}: {first['msg'].removeprefix('Value error, ')}"
    return problem if len(problem) <= MAX_PROBLEM_CHARACTERS else problem[:MAX_PROBLEM_CHARACTERS] + " …"


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key appears twice")
    return result


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")
