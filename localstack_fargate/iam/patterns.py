"""The texts of a policy: ``*`` stands for any text, ``?`` for one character, ``${key}`` for a value of the request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

Context = Mapping[str, Sequence[str]]
"""Condition key, in lower case → its values in the request."""

TOKEN = re.compile(r"\$\{([^}]*)\}|[*?]|[^*?$]+|\$")
SPECIAL = ("*", "?", "$")  # ${*} is a star, and so on
ARN_PARTS = 6


class Pattern:
    """One text of a policy, in which wildcards and variables may mean nothing but their letters."""

    def __init__(self, text: str, *, ignore_case: bool = False, with_wildcards: bool = True) -> None:
        self.text = text
        self._wildcards = {"*": ".*", "?": "."} if with_wildcards else {}
        self._flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
        self._fixed = None if "${" in text else self._compiled({})

    def matches(self, value: str, context: Context) -> bool:
        """Whether the pattern is for all of the value; one with a variable that the request lacks is for none."""
        compiled = self._fixed or self._compiled(context)
        return compiled is not None and compiled.fullmatch(value) is not None

    def _compiled(self, context: Context) -> re.Pattern[str] | None:
        parts = []
        for token in TOKEN.finditer(self.text):
            text = token[0]
            if token[1] is not None:
                value = resolve(token[1], context)
                if value is None:
                    return None
                parts.append(re.escape(value))
            else:
                parts.append(self._wildcards.get(text) or re.escape(text))
        return _compile("".join(parts), self._flags)


class ArnPattern:
    """An ARN of a policy: each of its six parts for itself, of which ``*`` stands for those that are missing."""

    def __init__(self, text: str) -> None:
        self.text = text
        parts = _split(text)
        missing = ["*"] * (ARN_PARTS - len(parts))
        self._parts = [Pattern(part) for part in [*parts, *missing]]
        self._is_any = text == "*"

    def matches(self, value: str, context: Context) -> bool:
        """Whether the pattern is for this ARN; ``*``, which calls for no resource, only for the pattern ``*``."""
        if self._is_any:
            return True
        parts = _split(value)
        return len(parts) == ARN_PARTS and all(
            pattern.matches(part, context) for pattern, part in zip(self._parts, parts, strict=True)
        )


def without_variables(text: str) -> str:
    """What writes the letters of a text that has no variables, although it may look as if it had some."""
    return text.replace("${", "${$}{")


def resolve(variable: str, context: Context) -> str | None:
    """What ``${variable}`` stands for; None if the request has not exactly one value, and there is no default."""
    if variable in SPECIAL:
        return variable
    key, _, default = variable.partition(",")
    values = context.get(key.strip().lower(), ())
    if len(values) == 1:
        return values[0]
    return default.strip().strip("'") if default and not values else None


@lru_cache(maxsize=4096)
def _compile(expression: str, flags: int) -> re.Pattern[str]:
    return re.compile(expression, flags)


def _split(arn: str) -> list[str]:
    """The parts of an ARN, whose last may have colons; a colon within ``${}`` parts nothing."""
    parts: list[str] = []
    start = depth = 0
    for position, character in enumerate(arn):
        if character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
        elif character == ":" and depth <= 0 and len(parts) < ARN_PARTS - 1:
            parts.append(arn[start:position])
            start = position + 1
    return [*parts, arn[start:]]
