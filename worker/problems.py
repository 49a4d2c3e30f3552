"""What is wrong with a watermark's setting, in the words of who writes watermarks: pydantic's are for programmers."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

_WRITE = {
    "opacity": "write a number from 0 to 1, such as 0.8",
    "rotate": "write degrees from -360 to 360, such as 45",
    "start": "write seconds, such as 10.5",
    "end": "write seconds, such as 10.5",
    "fade": "write seconds, such as 0.5",
}
_INSTEAD = {"width": "size", "size": "width"}  # what an image has and a text has of the same meaning
_POINT = re.compile(r"\s*([-+]?[\d.]+%?)\s*,\s*([-+]?[\d.]+%?)\s*")
_MAX_NAME_CHARACTERS = 40  # longer names resemble none
_MAX_SHOWN_CHARACTERS = 60


def in_words(error: ErrorDetails, settings: Mapping[str, type[BaseModel]]) -> str:
    """Return what is wrong as half a sentence.

    Args:
        error: One of a ValidationError, with its context and input.
        settings: The models of all objects, by what their kind is called: "a text", "an image" and so on. The object
            that the setting belongs to is the last of them in the error's place; without any it is the whole watermark.
    """
    tell = _TELL.get(error["type"])
    if error["type"] == "extra_forbidden":
        return _unknown(error, settings)
    return tell(error) if tell else error["msg"].removeprefix("Value error, ")


def _unknown(error: ErrorDetails, settings: Mapping[str, type[BaseModel]]) -> str:
    name = str(error["loc"][-1])
    kind = next((part for part in reversed(error["loc"]) if part in settings), "")
    own: Iterable[str] = settings[str(kind)].model_fields
    if instead := _INSTEAD.get(name):
        return f"{kind} has no {name}, but a {instead}" if instead in own else "there is no such setting"
    if any(name in model.model_fields for model in settings.values()):
        return f"{kind} has no {name}" if kind else "it belongs into one of the overlays"
    close = get_close_matches(name.lower(), own, n=1) if len(name) <= _MAX_NAME_CHARACTERS else []
    return "there is no such setting" + "".join(f"; perhaps {meant!r} is meant" for meant in close)


def _position(error: ErrorDetails) -> str:
    given = error["input"]
    if isinstance(given, str) and (point := _POINT.fullmatch(given)):
        written = {
            name: json.loads(part) if part.isdecimal() else part
            for name, part in zip("xy", point.groups(), strict=True)
        }
        return f"a point is written {json.dumps(written)}"
    return f"{_shown(given)} is {error['msg']}"


def _number(error: ErrorDetails) -> str:
    return _with_advice(error, f"{_shown(error['input'])} is no number")


def _too_much(error: ErrorDetails) -> str:
    return _with_advice(error, f"{_shown(error['input'])} is more than {error['ctx']['le']:g}")


def _too_little(error: ErrorDetails) -> str:
    return _with_advice(error, f"{_shown(error['input'])} is less than {error['ctx']['ge']:g}")


def _with_advice(error: ErrorDetails, problem: str) -> str:
    advice = _WRITE.get(str(error["loc"][-1]))
    return f"{problem}; {advice}" if advice else problem


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):  # which may be nested too deep to be written
        return "a nested value"
    text = repr(value) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _MAX_SHOWN_CHARACTERS else text[:_MAX_SHOWN_CHARACTERS] + "…"


_TELL: dict[str, Callable[[ErrorDetails], str]] = {
    "missing": lambda _: "it is missing",
    "too_short": lambda _: "there is none; write one at least",
    "too_long": lambda error: f"there may be {error['ctx']['max_length']} at most",
    "tuple_type": lambda _: "they are no list; write them in square brackets",
    "string_type": lambda error: f"{_shown(error['input'])} is no text; write it in quotation marks",
    "string_too_long": lambda error: f"it has more than {error['ctx']['max_length']} characters",
    "string_unicode": lambda _: "it has half a character, which is no unicode",
    "float_type": _number,
    "finite_number": _number,
    "less_than_equal": _too_much,
    "greater_than_equal": _too_little,
    "position": _position,
}
