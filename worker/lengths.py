"""Lengths as a watermark file has them: pixels, or a percentage of the displayed width."""

import json
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

MAX_LENGTH_PIXELS = 8192  # nothing is larger than an 8K picture
MAX_LENGTH_PERCENT = 1000


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
    shown = (
        "a nested value" if isinstance(value, list | dict) else _written(value)
    )  # repr() fails on thousands of levels
    raise ValueError(f"{shown} is no length: write pixels or a percentage such as '15%'")


def _written(value: object) -> str:
    return json.dumps(value) if value is None or isinstance(value, bool) else repr(value)


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


AnyLength = Annotated[Length, BeforeValidator(_parse_length), AfterValidator(_within_reach)]
Distance = Annotated[AnyLength, AfterValidator(_not_negative)]
Width = Annotated[AnyLength, AfterValidator(_positive)]
