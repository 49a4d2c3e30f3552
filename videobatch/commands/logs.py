"""videobatch logs: what a job's tasks have written."""

from collections.abc import Iterator
from typing import Annotated

import typer

from videobatch import records
from videobatch.account import Account
from videobatch.output import print_json_line, remark, say
from videobatch.parameters import Job
from videobatch.pipeline import Pipeline
from videobatch.task_logs import Line, LogReader, follow


def logs(
    context: typer.Context,
    job: Job,
    follow_on: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job has ended.", show_default=False)
    ] = False,
) -> None:
    """Print the logs of a job's tasks, oldest first.

    With --json one object a line.
    """
    account = Account.of(context)
    identifier = records.find(account.pipeline, job)
    lines = (follow if follow_on else _all)(account.pipeline, identifier)
    task = None
    for line in lines:
        if account.json:
            print_json_line(line.as_json())
            continue
        if line.task != task:
            task = line.task
            remark(f"task {task}")
        say(line.for_people())
    if task is None and not account.json:
        remark("No task of this job has written anything yet: videobatch show tells how far it is.")


def _all(pipeline: Pipeline, identifier: str) -> Iterator[Line]:
    return LogReader(pipeline, identifier).new_lines()
