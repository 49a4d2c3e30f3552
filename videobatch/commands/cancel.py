"""videobatch cancel: jobs that nobody wants any more end."""

import typer

from videobatch import records
from videobatch.account import Account
from videobatch.cancelling import cancel as cancel_job
from videobatch.cancelling import require_cancellable
from videobatch.output import print_json, say
from videobatch.parameters import DryRun, Jobs


def cancel(context: typer.Context, jobs: Jobs, dry_run: DryRun = False) -> None:
    """End jobs without a result, if it is not too late.

    It is too late once a job has begun to put its result in place.
    """
    account = Account.of(context)
    pipeline = account.pipeline
    wanted = [records.require(pipeline, job) for job in jobs]
    for record in wanted:  # all of them before the first is touched
        require_cancellable(record)
    cancelled = []
    try:
        for record in wanted:
            if not dry_run:
                cancel_job(pipeline, record["job_id"])
            cancelled.append({"job_id": record["job_id"]})
            if not account.json:
                say(record["job_id"] + (": would be cancelled" if dry_run else ""))
    finally:
        if account.json:  # whatever ended it: these are cancelled
            print_json({"dry_run": dry_run, "cancelled": cancelled})
