"""videobatch backfill: uploads that nobody works on get their job."""

import typer

from videobatch.account import Account
from videobatch.gaps import fill, find_gaps
from videobatch.output import print_json, remark, say
from videobatch.parameters import DryRun


def backfill(context: typer.Context, dry_run: DryRun = False) -> None:
    """Start the jobs of uploads that have none, or one that has stopped without an end.

    Can be run at any time and any number of times: a job that goes on or has ended is left alone.
    """
    account = Account.of(context)
    found = list(find_gaps(account.pipeline))
    gaps = found if dry_run else fill(account.pipeline, found)
    if account.json:
        listed = [{"job_id": gap.job_id, "key": gap.upload.key, "reason": gap.reason} for gap in gaps]
        print_json({"dry_run": dry_run, "backfilled": listed})
        return
    for gap in gaps:
        say(gap.job_id)
        remark(f"  {gap.upload.key}: {gap.reason}" + ("; would be started" if dry_run else "; started"))
    if not gaps:
        remark("Every upload has its job, and every job has ended or goes on.")
