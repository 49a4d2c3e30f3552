"""Jobs that nobody wants any more: docs/adr/0007 says when that is possible, and why in this order."""

from botocore.exceptions import BotoCoreError, ClientError

from videobatch import records
from videobatch.errors import NotFound, NotPossible, explain_half_done
from videobatch.executions import describe_execution, execution_arn
from videobatch.pipeline import TERMINAL_STATES, JobRecord, Pipeline
from videobatch.records import UNREADABLE, Changed
from videobatch.restarting import last_execution, start
from worker.errors import Cancelled

TRIES = 20  # a worker that makes progress writes every two seconds: to be slower than it twice in a row is rare


def require_cancellable(record: JobRecord) -> None:
    """Check that a job can still be cancelled.

    Raises:
        NotPossible: It has ended, or its result may appear at any moment.
    """
    if record["state"] == UNREADABLE:
        raise NotPossible(f"The record of the job {record['job_id']} cannot be read.", records.UNREADABLE_HINT)
    if record["state"] in TERMINAL_STATES:
        raise NotPossible(f"The job {record['job_id']} is {record['state']} already.", "There is nothing to cancel.")
    if record.get("publishing"):
        raise NotPossible(
            f"The job {record['job_id']} is publishing its result: it is too late to cancel it.", "Wait for its end."
        )


def cancel(pipeline: Pipeline, identifier: str) -> JobRecord:
    """End a job as CANCELLED in its record, and then stop whatever works on it; return the record.

    Raises:
        NotFound
        NotPossible
    """
    for _ in range(TRIES):
        found = records.read(pipeline, identifier)
        if found is None:
            raise NotFound(f"There is no job {identifier}.", "List them with: videobatch jobs")
        record, etag = found
        require_cancellable(record)
        try:
            cancelled = records.replace(
                pipeline, record, etag, {"state": "FAILED", "error": Cancelled().as_record()}
            )  # fmt: skip
        except Changed:  # the worker's next word; perhaps its last
            continue
        try:
            _stop(pipeline, cancelled)
        except (BotoCoreError, ClientError) as error:
            raise explain_half_done(
                error,
                f"The job {identifier} is cancelled, but its execution could not be stopped",
                "Its worker hears of it by itself, and one that has not begun yet ends at once.",
            ) from error
        return cancelled
    raise NotPossible(f"The record of {identifier} keeps changing.", "Try again.")


def _stop(pipeline: Pipeline, record: JobRecord) -> None:
    name = last_execution(record)
    described = describe_execution(pipeline, name)
    if described is None:  # whoever would start it later finds its name taken, and what is stopped is told of (ADR 10)
        start(pipeline, record)
    if described is None or described["status"] == "RUNNING":
        pipeline.client("stepfunctions").stop_execution(
            executionArn=execution_arn(pipeline, name), error=Cancelled.code, cause=Cancelled.message
        )
