"""Log events of several lines: the options awslogs-multiline-pattern and awslogs-datetime-format.

A pattern is one of RE2, as in Docker, which is written in Go: it has no look-around and no back-references, and takes
time that grows with the line only, whatever a task asks for.
https://docs.docker.com/engine/logging/drivers/awslogs/#awslogs-multiline-pattern
"""

import re
import time
from collections.abc import Iterable, Mapping
from typing import Protocol

import re2

PATTERN = "awslogs-multiline-pattern"
DATETIME_FORMAT = "awslogs-datetime-format"
COMPLETE_SECONDS = 5  # an event is complete when no line has come for so long

# What a code of strftime stands for. Docker's driver knows these.
DATETIME_CODES = {
    "%a": "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
    "%A": "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)",
    "%b": "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
    "%B": "(?:January|February|March|April|May|June|July|August|September|October|November|December)",
    "%d": r"(?:0[1-9]|[12][0-9]|3[01])",
    "%f": r"[0-9]{6}",
    "%H": r"(?:[01][0-9]|2[0-3])",
    "%I": r"(?:0[1-9]|1[0-2])",
    "%j": r"(?:[0-2][0-9]{2}|3[0-6][0-9])",
    "%L": r"\.[0-9]{3}",
    "%m": r"(?:0[1-9]|1[0-2])",
    "%M": r"[0-5][0-9]",
    "%p": "[AP]M",
    "%S": r"(?:[0-5][0-9]|60)",
    "%w": "[0-6]",
    "%y": r"[0-9]{2}",
    "%Y": r"[0-9]{4}",
    "%z": r"[+-][0-9]{4}",
    "%Z": "[A-Z]{1,4}T",
    "%%": "%",
}

type Event = tuple[int, bytes]
"""Its time in milliseconds since 1970, and its text."""


class Pattern(Protocol):
    """A compiled regular expression."""

    def search(self, line: bytes, /) -> object | None:
        """Where it matches, if anywhere in the line."""


def event_pattern(options: Mapping[str, str]) -> Pattern | None:
    """What the first line of an event has in it, None if each line is an event; raises ``ValueError``."""
    pattern, datetime_format = options.get(PATTERN), options.get(DATETIME_FORMAT)
    if pattern and datetime_format:
        raise ValueError(f"you cannot configure log opt '{DATETIME_FORMAT}' and '{PATTERN}' at the same time")
    if datetime_format:
        parts = re.split("(%.)", datetime_format)
        pattern = "".join(DATETIME_CODES.get(part) or re2.escape(part) for part in parts)
    if not pattern:
        return None
    syntax = re2.Options()
    syntax.log_errors = False
    try:
        compiled: Pattern = re2.compile(pattern.encode(), syntax)
    except re2.error as error:
        raise ValueError(
            f"awslogs could not parse multiline pattern key {pattern!r}: error parsing regexp: {error.args[0].decode()}"
        ) from error
    return compiled


class EventJoiner:
    """Puts the lines of one stream together to events of at most ``limit`` bytes, each with the time of its first."""

    def __init__(self, pattern: Pattern, limit: int) -> None:
        self._pattern = pattern
        self._limit = limit
        self._event = bytearray()
        self._timestamp = 0
        self._last_line_at = 0.0

    def feed(self, lines: Iterable[bytes], timestamp: int) -> list[Event]:
        """The events that end before one of these lines."""
        complete = []
        for line in lines:
            if self._pattern.search(line) or len(self._event) + len(line) >= self._limit:
                complete += self.rest()
            if not self._event:
                self._timestamp = timestamp
            self._event += (line + b"\n")[: self._limit]
            self._last_line_at = time.monotonic()
        return complete

    def overdue(self) -> list[Event]:
        """The event that no line has come for in the last seconds."""
        return self.rest() if time.monotonic() - self._last_line_at > COMPLETE_SECONDS else []

    def rest(self) -> list[Event]:
        """The event that has no end yet."""
        event, self._event = bytes(self._event), bytearray()
        return [(self._timestamp, event)] if event else []
