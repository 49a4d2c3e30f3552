"""videobatch cancel: jobs that nobody wants any more end."""

from functools import partial

import typer

from videobatch import records
from videobatch.account import Account
from videobatch.cancelling import cancel as cancel_job
from videobatch.cancelling import require_cancellable
from videobatch.output import print_json, say
from videobatch.parameters import DryRun, Jobs
from videobatch.problems import Problems


def cancel(context: typer.Context, jobs: Jobs, dry_run: DryRun = False) -> None:
    """End jobs without a result, if it is not too late.

    It is too late once a job has begun to put its result in place.
    """
    account = Account.of(context)
    pipeline = account.pipeline
    wanted = {record["job_id"]: record for record in (records.require(pipeline, job) for job in jobs)}
    for record in wanted.values():  # all of them before the first is touched
        require_cancellable(record)
    cancelled = []
    problems = Problems(len(wanted))
    try:
        for identifier in wanted:
            if not dry_run and problems.tried(identifier, partial(cancel_job, pipeline, identifier)) is None:
                continue
            cancelled.append({"job_id": identifier})
            if not account.json:
                say(identifier + (": would be cancelled" if dry_run else ""))
    finally:
        if account.json:  # whatever ended it: these are cancelled
            print_json({"dry_run": dry_run, "cancelled": cancelled} | problems.as_json())
    problems.raise_any("jobs", "cancelled")
