"""Tags, wherever they are given."""

import re
from collections.abc import Mapping, Sequence

from ..exceptions import InvalidParameterException
from .values import first_duplicate

MAX_TAGS = 50
MAX_KEY = 128
MAX_VALUE = 256
CHARACTERS = re.compile(r"[\w\s.:/=+\-@]*")


def check_tags(tags: Sequence[Mapping[str, str]] | None) -> None:
    """Raise ``InvalidParameterException`` for tags that AWS would not store."""
    tags = tags or ()
    check_number_of_tags(tags)
    for tag in tags:
        key, value = tag.get("key") or "", tag.get("value") or ""
        if not 1 <= len(key) <= MAX_KEY:
            raise InvalidParameterException(f"Tag keys must be between 1 and {MAX_KEY} characters long.")
        if len(value) > MAX_VALUE:
            raise InvalidParameterException(f"Tag values can be at most {MAX_VALUE} characters long.")
        if key.lower().startswith("aws:"):
            raise InvalidParameterException("Tag keys that start with aws: are reserved for AWS use.")
        if not (CHARACTERS.fullmatch(key) and CHARACTERS.fullmatch(value)):
            raise InvalidParameterException(f"The tag {key} contains invalid characters.")
    if duplicate := first_duplicate(str(tag["key"]) for tag in tags):
        raise InvalidParameterException(f"Duplicate tag keys are not allowed: {duplicate}")


def check_number_of_tags(tags: Sequence[Mapping[str, str]]) -> None:
    """Raise ``InvalidParameterException`` if these are more than a resource can have, ECS's own not counted."""
    if sum(not (tag.get("key") or "").startswith("aws:") for tag in tags) > MAX_TAGS:
        raise InvalidParameterException(f"Too many tags. A resource can have at most {MAX_TAGS} tags.")
