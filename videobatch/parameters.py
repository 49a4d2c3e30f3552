"""Arguments and options that several commands have."""

from datetime import timedelta
from typing import Annotated

import click
import typer

from videobatch import records
from videobatch.account import Account
from videobatch.filters import parse_length_of_time


def complete_job(context: click.Context, incomplete: str) -> list[str]:
    """Return the ids that begin so, for the shell's completion; none where the account does not answer."""
    try:
        return records.complete(Account.of(context).pipeline, incomplete)
    except Exception:  # there is no place where a completion could say what is wrong
        return []


class LengthOfTime(click.ParamType):
    """`90s`, `15m`, `2h` or `3d`."""

    name = "time"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return parse_length_of_time(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


Job = Annotated[
    str,
    typer.Argument(metavar="JOB", help="A job's id, or as much of its beginning as no other has.",
                   autocompletion=complete_job, show_default=False),
]  # fmt: skip
Jobs = Annotated[
    list[str],
    typer.Argument(metavar="JOB...", help="Ids of jobs, or as much of their beginnings as no other has.",
                   autocompletion=complete_job, show_default=False),
]  # fmt: skip
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.", show_default=False)]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.", show_default=False)]
