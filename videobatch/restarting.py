"""Jobs begin again: docs/adr/0008 says why it is done this way."""

import json
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from jobs import execution_input
from uploads import Upload
from videobatch import records
from videobatch.errors import NotFound, NotPossible, explain_half_done
from videobatch.executions import RETRIES, attempts, describe_execution, execution_name
from videobatch.pipeline import JobRecord, Pipeline

ENDING_SECONDS = 60.0  # an execution ends a moment after the record says so, and a stopped task soon after
POLL_SECONDS = 1.0


def upload_of(pipeline: Pipeline, record: JobRecord) -> Upload:
    """Return the upload that a job is about."""
    source = record["source"]
    return Upload(
        pipeline.bucket,
        source["key"],
        source.get("version_id") or None,
        source.get("etag", ""),
        source.get("size", 0),
        sequencer="",
    )


def last_execution(record: JobRecord) -> str:
    """Return the name of the newest execution that a job can have."""
    return execution_name(record["job_id"], record.get(RETRIES, 0))


def restart(pipeline: Pipeline, record: JobRecord, etag: str) -> JobRecord:
    """Put a job back to QUEUED and start its next execution; return the record.

    Nothing of the job may be running any more: see `wait_for_end`.

    Raises:
        Changed: The record is not the one that was read; nothing was done.
    """
    queued = records.replace(
        pipeline,
        record,
        etag,
        {
            "state": "QUEUED",
            "phase": None,
            "percent": 0,
            "publishing": False,  # nobody is left who could
            "error": None,
            "output": None,
            "attempt": 0,
            "timings": {},
            "task_arn": None,
            "task": None,
            RETRIES: record.get(RETRIES, 0) + 1,
        },
    )
    try:
        start(pipeline, queued)
    except (BotoCoreError, ClientError) as error:
        raise explain_half_done(
            error,
            f"The job {record['job_id']} is QUEUED again, but its execution was not started",
            "Start it with: videobatch backfill",
        ) from error
    return queued


def start(pipeline: Pipeline, record: JobRecord) -> None:
    """Start the execution that a QUEUED record stands for, if it was not started before."""
    try:
        pipeline.client("stepfunctions").start_execution(
            stateMachineArn=pipeline.outputs["StateMachineArn"],
            name=last_execution(record),
            input=json.dumps(execution_input(record["job_id"], upload_of(pipeline, record)), ensure_ascii=False),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise


def wait_for_end(
    pipeline: Pipeline,
    record: JobRecord,
    seconds: float = ENDING_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until neither execution nor task of a job can write to its record any more.

    Raises:
        NotPossible: They go on.
    """
    deadline = clock() + seconds
    while going_on := _goes_on(pipeline, last_execution(record)):
        if clock() > deadline:
            raise NotPossible(f"{going_on} of {record['job_id']} has not ended yet.", "Try again in a minute.")
        sleep(POLL_SECONDS)


def _goes_on(pipeline: Pipeline, execution: str) -> str | None:
    described = describe_execution(pipeline, execution)
    if described is None:
        return None
    if described["status"] == "RUNNING":
        return f"The execution {execution}"
    tried = attempts(pipeline, execution)
    arns = [attempt.task_arn for attempt in tried[-1:] if attempt.task_arn]
    if not arns:
        return None
    answer: dict[str, Any] = pipeline.client("ecs").describe_tasks(cluster=pipeline.outputs["ClusterName"], tasks=arns)
    if any(task["lastStatus"] != "STOPPED" for task in answer["tasks"]):
        return f"The task {arns[0].rsplit('/', 1)[-1]}"
    return None


def require_failed(pipeline: Pipeline, text: str) -> tuple[JobRecord, str]:
    """Return the record and ETag of a job that may be retried.

    Raises:
        NotFound
        NotPossible: It has not failed.
    """
    found = records.read(pipeline, records.find(pipeline, text))
    if found is None:
        raise NotFound(f"There is no job {text}.", "List them with: videobatch jobs")
    record, _ = found
    if record["state"] != "FAILED":
        hint = {
            "SUCCEEDED": "To make its result anew, upload the video again.",
            "SUPERSEDED": "A newer upload of the same key has taken its place.",
            records.UNREADABLE: records.UNREADABLE_HINT,
        }.get(record["state"], "If it hangs, videobatch backfill finds out.")
        raise NotPossible(f"The job {record['job_id']} is {record['state']}; only FAILED ones are retried.", hint)
    return found
