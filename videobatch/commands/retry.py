"""videobatch retry: failed jobs begin again."""

from functools import partial
from typing import Any

import typer

from videobatch.account import Account
from videobatch.output import print_json, say
from videobatch.parameters import DryRun, Jobs
from videobatch.pipeline import JobRecord, Pipeline
from videobatch.problems import Problems
from videobatch.restarting import last_execution, require_failed, restart, wait_for_end


def retry(context: typer.Context, jobs: Jobs, dry_run: DryRun = False) -> None:
    """Start failed jobs again.

    They have all their attempts again, on the upload that they are about.
    """
    account = Account.of(context)
    pipeline = account.pipeline
    found = [require_failed(pipeline, job) for job in jobs]  # all of them before the first is touched
    failed = {record["job_id"]: (record, etag) for record, etag in found}
    retried: list[dict[str, Any]] = []
    problems = Problems(len(failed))
    try:
        for identifier, (record, etag) in failed.items():
            told = {"job_id": identifier}
            if not dry_run:
                queued = problems.tried(identifier, partial(_begin_again, pipeline, record, etag))
                if queued is None:
                    continue
                told["execution"] = last_execution(queued)
            retried.append(told)
            if not account.json:
                say(identifier + (": would be started again" if dry_run else ""))
    finally:
        if account.json:  # whatever ended it: these have begun again
            print_json({"dry_run": dry_run, "retried": retried} | problems.as_json())
    problems.raise_any("jobs", "started again")


def _begin_again(pipeline: Pipeline, record: JobRecord, etag: str) -> JobRecord:
    wait_for_end(pipeline, record)
    return restart(pipeline, record, etag)
