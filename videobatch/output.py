"""What a command says: results on standard output, as text or as JSON, and all else on standard error."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from videobatch.errors import OperatorError

STYLES = {
    "QUEUED": "yellow",
    "RUNNING": "cyan",
    "SUCCEEDED": "green",
    "FAILED": "red",
    "SUPERSEDED": "dim",
    "STOPPED": "magenta",
    "UNREADABLE": "magenta",
}

console = Console(highlight=False, markup=False)
errors = Console(stderr=True, highlight=False, markup=False)


def print_json(value: Any) -> None:
    """Write a value for a machine: in ASCII, whatever the terminal can show."""
    sys.stdout.write(json.dumps(value, indent=2, default=_as_text) + "\n")


def print_json_line(value: Any) -> None:
    """Write one of many values, at once."""
    sys.stdout.write(json.dumps(value, default=_as_text) + "\n")
    sys.stdout.flush()


def _as_text(value: object) -> str:
    return rfc3339(value) if isinstance(value, datetime) else str(value)


def rfc3339(moment: datetime) -> str:
    """Return a moment in UTC as text, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def say(text: str, style: str = "") -> None:
    """Write a line that no width breaks, so that what is copied from it is whole."""
    console.print(Text(printable(text), style=style), soft_wrap=True)


def remark(text: str, style: str = "dim") -> None:
    """Write a line about the work to standard error."""
    errors.print(Text(printable(text), style=style), soft_wrap=True)


def say_error(error: OperatorError) -> None:
    """Write what went wrong, and what to do."""
    errors.print(Text(f"videobatch: {printable(error.message)}", style="red"), soft_wrap=True)
    if error.hint:
        errors.print(Text(printable(error.hint)), soft_wrap=True)


def printable(text: str) -> str:
    """Return a text in which nothing can drive a terminal: keys, messages and logs are strangers' texts."""
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def _escaped(character: str) -> str:
    return character if character == "\n" else character.encode("unicode_escape", "surrogatepass").decode()


def state_text(state: str) -> Text:
    """Return a job's state in its colour."""
    return Text(printable(state), style=STYLES.get(state, ""))


def plain_table(*headers: str) -> Table:
    """Return a table without lines, as narrow as it can be."""
    return Table(*headers, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")


def pairs(values: Mapping[str, str | Text]) -> Table:
    """Return names and values one below the other; long values are folded, never cut."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in values.items():
        table.add_row(name, value if isinstance(value, Text) else Text(printable(value)))
    return table


def age(moment: datetime, now: datetime | None = None) -> str:
    """Return how long ago a moment is, in one unit."""
    return duration((now or datetime.now(UTC)) - moment)


def duration(length: timedelta) -> str:
    """Return a length of time in one unit: `40 s`, `3 min`, `5 h`, `12 d`."""
    seconds = max(0, round(length.total_seconds()))
    for unit, size, limit in (("s", 1, 90), ("min", 60, 90 * 60), ("h", 3600, 48 * 3600)):
        if seconds < limit:
            return f"{seconds // size} {unit}"
    return f"{seconds // 86400} d"


def megabytes(size: float) -> str:
    """Return a number of bytes as a person reads it."""
    if size < 1000:
        return f"{size:.0f} B"
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
