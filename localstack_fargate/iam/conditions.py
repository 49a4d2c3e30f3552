"""The ``Condition`` of a statement.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

from .patterns import ArnPattern, Context, Pattern, without_variables

Match = Callable[[str, Context], bool]
"""Whether a value of the request is as one value of the policy wants it, before any negation."""

IF_EXISTS = "IfExists"
FOR_ALL, FOR_ANY = "ForAllValues:", "ForAnyValue:"


class MalformedPolicy(ValueError):
    """A policy says something that IAM does not know; the message is what."""


@dataclass(frozen=True)
class Condition:
    """One operator with one key: ``{"StringEquals": {"s3:prefix": ["a/", "b/"]}}``."""

    key: str
    matches: Sequence[Match]
    negated: bool = False
    if_exists: bool = False
    quantifier: str | None = None

    def holds(self, context: Context) -> bool:
        """Whether it is so in the request. Several values of the policy are alternatives."""
        values = context.get(self.key)
        if values is None:
            return self.if_exists or self.quantifier == FOR_ALL or (self.negated and self.quantifier is None)
        if self.quantifier == FOR_ALL or (self.negated and self.quantifier is None):
            return all(self._is_wanted(value, context) for value in values)
        return any(self._is_wanted(value, context) for value in values)

    def _is_wanted(self, value: str, context: Context) -> bool:
        return any(match(value, context) for match in self.matches) != self.negated


@dataclass(frozen=True)
class NullCondition:
    """``{"Null": {"aws:TokenIssueTime": "true"}}``: the request has no such key."""

    key: str
    wanted: bool

    def holds(self, context: Context) -> bool:
        """Whether the key is, or is not, in the request."""
        return (not context.get(self.key)) == self.wanted


def read_conditions(element: Mapping[str, Any], *, with_variables: bool = True) -> list[Condition | NullCondition]:
    """The conditions of a statement, all of which have to hold; raises ``MalformedPolicy``."""
    return [
        _read(operator, key, [_text(value, with_variables) for value in _list(values)])
        for operator, keys in element.items()
        for key, values in keys.items()
    ]


def _read(operator: str, key: str, values: Sequence[str]) -> Condition | NullCondition:
    name = operator
    if name.lower() == "null":
        return NullCondition(key.lower(), values[0].lower() == "true")
    quantifier = next((each for each in (FOR_ALL, FOR_ANY) if name.lower().startswith(each.lower())), None)
    name = name[len(quantifier) :] if quantifier else name
    if_exists = name.lower().endswith(IF_EXISTS.lower())
    name = name[: -len(IF_EXISTS)] if if_exists else name
    try:
        make, negated = OPERATORS[name.lower()]
    except KeyError:
        raise MalformedPolicy(f"there is no condition operator {operator}") from None
    try:
        return Condition(key.lower(), [make(value) for value in values], negated, if_exists, quantifier)
    except ValueError as error:
        raise MalformedPolicy(f"{operator} of {key}: {error}") from error


def _list(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


def _text(value: Any, with_variables: bool) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if with_variables else without_variables(text)


def _equals(wanted: str) -> Match:
    return Pattern(wanted, with_wildcards=False).matches


def _equals_ignoring_case(wanted: str) -> Match:
    return Pattern(wanted, ignore_case=True, with_wildcards=False).matches


def _like(wanted: str) -> Match:
    return Pattern(wanted).matches


def _arn(wanted: str) -> Match:
    return ArnPattern(wanted).matches


def _address(wanted: str) -> Match:
    network = ip_network(wanted, strict=False)

    def match(value: str, _context: Context) -> bool:
        try:
            return ip_address(value) in network
        except ValueError:
            return False

    return match


def _comparison[T](read: Callable[[str], T], compare: Callable[[T, T], bool]) -> Callable[[str], Match]:
    def make(wanted: str) -> Match:
        bound = read(wanted)

        def match(value: str, _context: Context) -> bool:
            try:
                return compare(read(value), bound)
            except ValueError:
                return False

        return match

    return make


def _moment(text: str) -> float:
    """Seconds since the epoch, of which an ISO 8601 time may also be written."""
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _ordered(kind: str, read: Callable[[str], float]) -> Iterable[tuple[str, tuple[Callable[[str], Match], bool]]]:
    yield f"{kind}equals", (_comparison(read, float.__eq__), False)
    yield f"{kind}notequals", (_comparison(read, float.__eq__), True)
    yield f"{kind}lessthan", (_comparison(read, float.__lt__), False)
    yield f"{kind}lessthanequals", (_comparison(read, float.__le__), False)
    yield f"{kind}greaterthan", (_comparison(read, float.__gt__), False)
    yield f"{kind}greaterthanequals", (_comparison(read, float.__ge__), False)


OPERATORS: Mapping[str, tuple[Callable[[str], Match], bool]] = {
    "stringequals": (_equals, False),
    "stringnotequals": (_equals, True),
    "stringequalsignorecase": (_equals_ignoring_case, False),
    "stringnotequalsignorecase": (_equals_ignoring_case, True),
    "stringlike": (_like, False),
    "stringnotlike": (_like, True),
    "arnequals": (_arn, False),  # the same as ArnLike
    "arnnotequals": (_arn, True),
    "arnlike": (_arn, False),
    "arnnotlike": (_arn, True),
    "bool": (_equals_ignoring_case, False),
    "binaryequals": (_equals, False),
    "ipaddress": (_address, False),
    "notipaddress": (_address, True),
    **dict(_ordered("numeric", float)),
    **dict(_ordered("date", _moment)),
}
"""Operator, in lower case → what makes a match of a value of the policy, and whether the result is negated."""
