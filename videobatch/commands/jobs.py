"""videobatch jobs: which jobs there are."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from rich.text import Text

from videobatch.account import Account
from videobatch.filters import Filter, Page, State, select
from videobatch.output import age, console, plain_table, print_json, printable, remark, state_text
from videobatch.parameters import LengthOfTime
from videobatch.pipeline import JobRecord

WIDE = 110  # columns from which on there is room for the keys of the uploads


def jobs(
    context: typer.Context,
    state: Annotated[
        list[State] | None,
        typer.Option("--state", "-s", help="Only jobs in this state; can be given several times.", show_default=False,
                     case_sensitive=False),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="Only uploads whose key below the upload prefix is like this: acme/*", show_default=False),
    ] = None,
    newer_than: Annotated[
        timedelta | None,
        typer.Option(click_type=LengthOfTime(), help="Only jobs that changed in this time: 90s, 15m, 2h, 3d.",
                     show_default=False),
    ] = None,
    older_than: Annotated[
        timedelta | None,
        typer.Option(click_type=LengthOfTime(), help="Only jobs that have not changed for this time.",
                     show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Jobs on a page.")] = 20,
    before: Annotated[
        str | None, typer.Option(help="The next page, as the one before it names it.", show_default=False)
    ] = None,
) -> None:  # fmt: skip
    """List jobs, the one that has changed last first."""
    account = Account.of(context)
    wanted = Filter(tuple(state or ()), key, newer_than, older_than, before)
    page = select(account.pipeline, wanted, limit)
    if account.json:
        print_json({"jobs": page.jobs, "next": page.next})
    else:
        show_page(page, account.pipeline.outputs["UploadPrefix"])


def show_page(page: Page, upload_prefix: str) -> None:
    """Print a page as a table."""
    if not page.jobs:
        remark("No such jobs.")
        return
    with_keys = console.width >= WIDE
    table = plain_table("STATE", "AT", "CHANGED", "JOB", *(["UPLOAD"] if with_keys else []))
    for column in table.columns[:3]:
        column.no_wrap = True
    for column in table.columns[3:]:
        column.overflow = "fold"
    for record in page.jobs:
        row: list[Any] = [state_text(record["state"]), Text(at(record)), _changed(record), record["job_id"]]
        if with_keys:
            row.append(printable(str(record["source"].get("key", "")).removeprefix(upload_prefix)))
        table.add_row(*row)
    console.print(table)
    if page.next:
        remark(f"There are more: --before {page.next}")


def at(record: JobRecord) -> str:
    """Return in a word or two how far a job is, or what it ended with."""
    error = record.get("error")
    if record["state"] == "FAILED" and isinstance(error, dict):
        return printable(str(error.get("code")))
    if record["state"] == "RUNNING":
        return f"{str(record['phase']).lower()} {record['percent']:.0f} %"
    return ""


def _changed(record: JobRecord) -> str:
    try:
        return age(datetime.fromisoformat(record["updated_at"]))
    except (KeyError, TypeError, ValueError):
        return "?"
