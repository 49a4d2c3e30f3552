"""Progress on standard error: bars on a terminal, a line for each step elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from videobatch.output import errors, printable, remark

NAME_COLUMNS = 28  # of 80, so that all fits on a line


@contextmanager
def transfer_bar(what: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show how a transfer of so many bytes goes on; gives the function that counts them."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(13),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=errors, transient=True) as progress:
        bar = progress.add_task(shortened(what), total=size)
        yield lambda count: progress.advance(bar, count)
    if not errors.is_terminal:
        remark(f"{what}: {decimal(size)}")


def shortened(name: str, columns: int = NAME_COLUMNS) -> str:
    """Return a name in a column of fixed width: the middle of a long one is left out."""
    name = printable(name)
    if len(name) > columns:
        name = name[: columns // 2] + "…" + name[-(columns - columns // 2 - 1) :]
    return name.ljust(columns)
