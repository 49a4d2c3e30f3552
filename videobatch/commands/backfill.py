"""videobatch backfill: uploads that nobody works on get their job."""

from typing import Any

import typer

from videobatch.account import Account
from videobatch.errors import JobsNotDone
from videobatch.gaps import Gap, fill, find_gaps
from videobatch.output import print_json, remark, say
from videobatch.parameters import DryRun


def backfill(context: typer.Context, dry_run: DryRun = False) -> None:
    """Start the jobs of uploads that nobody works on.

    They have no job, or one that has stopped without an end.

    Can be run at any time and any number of times: a job that goes on or has ended is left alone.

    An upload whose job's record was deleted has no job.
    """
    account = Account.of(context)
    found = list(find_gaps(account.pipeline))
    listed: list[dict[str, Any]] = []
    try:
        for gap, problem in ((gap, None) for gap in found) if dry_run else fill(account.pipeline, found):
            listed.append({"job_id": gap.job_id, "key": gap.upload.key, "reason": gap.reason})
            if problem:
                listed[-1]["problem"] = problem.message
            if not account.json:
                _say(gap, problem.message if problem else None, dry_run)
    finally:
        if account.json:  # whatever ended it: these are begun
            print_json({"dry_run": dry_run, "backfilled": listed})
    if not listed and not account.json:
        remark("Every upload has its job, and every job has ended or goes on.")
    left = sum("problem" in told for told in listed)
    if left:
        raise JobsNotDone(f"{left} of {len(listed)} could not be started.", "Mend the cause, then try again.")


def _say(gap: Gap, problem: str | None, dry_run: bool) -> None:
    if problem:
        remark(f"{gap.job_id}: {gap.upload.key}: {gap.reason}: {problem}", "red")
        return
    say(gap.job_id)
    remark(f"  {gap.upload.key}: {gap.reason}; {'would be started' if dry_run else 'started'}")
