"""videobatch retry: failed jobs begin again."""

import typer

from videobatch.account import Account
from videobatch.output import print_json, say
from videobatch.parameters import DryRun, Jobs
from videobatch.restarting import last_execution, require_failed, restart, wait_for_end


def retry(context: typer.Context, jobs: Jobs, dry_run: DryRun = False) -> None:
    """Start failed jobs again, with all their attempts, on the upload that they are about."""
    account = Account.of(context)
    pipeline = account.pipeline
    failed = [require_failed(pipeline, job) for job in jobs]  # all of them before the first is touched
    retried = []
    for record, etag in failed:
        if not dry_run:
            wait_for_end(pipeline, record)
            record = restart(pipeline, record, etag)
            retried.append({"job_id": record["job_id"], "execution": last_execution(record)})
        if not account.json:
            say(f"{record['job_id']}" + (": would be started again" if dry_run else ""))
    if account.json:
        listed = [{"job_id": record["job_id"]} for record, _ in failed] if dry_run else retried
        print_json({"dry_run": dry_run, "retried": listed})
