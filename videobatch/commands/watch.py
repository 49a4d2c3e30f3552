"""videobatch watch: jobs as they go on."""

from typing import Annotated

import typer

from videobatch import records
from videobatch.account import Account
from videobatch.commands.submit import raise_unless_all_succeeded
from videobatch.filters import Filter, State, select
from videobatch.following import JobBars, follow_jobs
from videobatch.output import print_json_line, remark
from videobatch.parameters import complete_job

MOST = 1000


def watch(
    context: typer.Context,
    jobs: Annotated[
        list[str] | None,
        typer.Argument(metavar="[JOB]...", help="Ids of jobs, or as much of their beginnings as no other has.",
                       autocompletion=complete_job, show_default="all that have not ended"),
    ] = None,
) -> None:  # fmt: skip
    """Watch jobs until all have ended.

    With --json one record a line, whenever it changes.
    """
    account = Account.of(context)
    pipeline = account.pipeline
    if jobs:
        identifiers = list(dict.fromkeys(records.find(pipeline, job) for job in jobs))
    else:
        page = select(pipeline, Filter(states=(State.QUEUED, State.RUNNING)), MOST)
        identifiers = [record["job_id"] for record in page.jobs]
        if page.next:
            remark(f"There are more than {MOST} that have not ended; these are the ones that have changed last.")
    if not identifiers:
        remark("No job is going on.")
        return
    states: dict[str, str] = {}
    with JobBars(identifiers) as bars:
        for record in follow_jobs(pipeline, identifiers):
            states[record["job_id"]] = record["state"]
            bars.show(record)
            if account.json:
                print_json_line(record)
    raise_unless_all_succeeded(list(states.values()))
