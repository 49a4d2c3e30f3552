"""Checks that several parameters share."""

from collections.abc import Iterable, Sequence

from ..exceptions import EcsException, InvalidParameterException


def check_one_of(value: str | None, allowed: Iterable[str], name: str) -> None:
    """Raise ``InvalidParameterException`` if a parameter is given and is not one of those allowed."""
    if value is not None and value not in allowed:
        raise InvalidParameterException(f"{name} should be one of [{','.join(allowed)}]")


def first_duplicate(values: Iterable[str]) -> str | None:
    """The first value that was there before."""
    seen: set[str] = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def check_items(values: Sequence[object], maximum: int, name: str, error: type[EcsException]) -> None:
    """Raise ``error`` if a list is too long."""
    if len(values) > maximum:
        raise error(f"{name} can have at most {maximum} items.")
