"""The deployed state machine from the moment that an attempt has failed: each way ends in a terminal record.

Every test runs the deployed definition from one of its inner states, on a real record, with what Step Functions would
have caught there.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from e2e.inspection import wait_until
from scripts.pipeline import Pipeline


@pytest.fixture(scope="module")
def machine(pipeline: Pipeline) -> Iterator[dict[str, Any]]:
    """A second machine with the deployed definition and role, whose definition the tests change."""
    states = boto3.client("stepfunctions")
    deployed = states.describe_state_machine(stateMachineArn=pipeline.outputs["StateMachineArn"])
    arn = states.create_state_machine(
        name=f"failures-{uuid.uuid4().hex[:8]}", definition=deployed["definition"], roleArn=deployed["roleArn"]
    )["stateMachineArn"]
    yield {"arn": arn, "definition": json.loads(deployed["definition"])}
    states.delete_state_machine(stateMachineArn=arn)


def run(pipeline: Pipeline, machine: dict[str, Any], start: str, record: dict[str, Any], **data: Any) -> Any:
    """Put a job record, run the machine from a state to its end; returns the execution and the record it left."""
    states, job_id = boto3.client("stepfunctions"), f"case-{uuid.uuid4().hex[:16]}"
    key = f"jobs/{job_id}.json"
    source = {"key": "unprocessed-vdeos/none.mp4", "version_id": job_id, "etag": "e", "size": 1}
    pipeline.s3.put_object(
        Bucket=pipeline.bucket, Key=key, Body=json.dumps({"job_id": job_id, "source": source, **record})
    )
    states.update_state_machine(
        stateMachineArn=machine["arn"], definition=json.dumps({**machine["definition"], "StartAt": start})
    )
    attempt = {"number": 3, "timeout": 60, "retryDelays": [1, 1], "retries": 2}
    started = states.start_execution(
        stateMachineArn=machine["arn"],
        input=json.dumps({"job_id": job_id, "source": source, "attempt": attempt, **data}),
    )["executionArn"]

    def ended() -> Any:
        execution = states.describe_execution(executionArn=started)
        return execution if execution["status"] != "RUNNING" else None

    execution = wait_until(ended, "the execution's end")
    return execution, json.load(pipeline.s3.get_object(Bucket=pipeline.bucket, Key=key)["Body"])


def caught(error: str, cause: object) -> dict[str, Any]:
    return {"Error": error, "Cause": cause if isinstance(cause, str) else json.dumps(cause)}


def stopped(**container: Any) -> dict[str, Any]:
    return {"StoppedReason": "Essential container in task exited", "Containers": [{"Name": "worker", **container}]}


RUNNING = {"state": "RUNNING", "error": None, "attempt": 3, "created_at": "2026-11-20T08:15:30.000Z"}
LAST_WORDS = {
    "code": "DISK_FULL",
    "message": "There is not enough disk space.",
    "hint": "Free some.",
    "retryable": True,
}


@pytest.mark.parametrize(
    ("failure", "record", "code"),
    [
        (caught("ECS.ClientException", "TaskDefinition is inactive"), RUNNING, "TASK_NOT_STARTED"),
        (caught("States.TaskFailed", [{"Reason": "MISSING"}]), RUNNING, "TASK_NOT_STARTED"),
        (caught("States.TaskFailed", {"StopCode": "TaskFailedToStart", "Containers": []}), RUNNING, "TASK_NOT_STARTED"),
        (
            caught("States.TaskFailed", stopped(ExitCode=137, Reason="OutOfMemoryError: Container killed")),
            RUNNING,
            "OUT_OF_MEMORY",
        ),
        (caught("States.TaskFailed", stopped(ExitCode=12)), RUNNING, "WORKER_FAILED"),
        (caught("States.TaskFailed", stopped(ExitCode=137)), RUNNING, "WORKER_CRASHED"),
        (caught("States.TaskFailed", stopped()), RUNNING, "WORKER_CRASHED"),
        (caught("States.TaskFailed", stopped(ExitCode=40)), {**RUNNING, "error": LAST_WORDS}, "DISK_FULL"),
    ],
)
def test_every_failure_is_recorded_under_its_own_code(
    pipeline: Pipeline, machine: dict[str, Any], failure: dict[str, Any], record: dict[str, Any], code: str
) -> None:
    execution, left = run(pipeline, machine, "DidTheTaskRun", record, caught=failure)
    assert (execution["status"], execution["error"]) == ("FAILED", code)
    assert (left["state"], left["error"]["code"]) == ("FAILED", code)
    assert set(left["error"]) == {"code", "message", "hint", "retryable"}
    assert left["created_at"] == RUNNING["created_at"]
    assert left["updated_at"] > RUNNING["created_at"]


@pytest.mark.parametrize(
    ("state", "status"), [("SUCCEEDED", "SUCCEEDED"), ("SUPERSEDED", "SUCCEEDED"), ("FAILED", "FAILED")]
)
@pytest.mark.parametrize("start", ["SayTimeout", "SayNothingRecorded"])
def test_a_terminal_record_is_the_last_word(
    pipeline: Pipeline, machine: dict[str, Any], start: str, state: str, status: str
) -> None:
    record = {**RUNNING, "state": state, "error": LAST_WORDS if state == "FAILED" else None}
    execution, left = run(pipeline, machine, start, record)
    assert execution["status"] == status
    assert {name: left[name] for name in record} == record


def test_a_worker_that_ends_well_without_a_result_is_a_failure(pipeline: Pipeline, machine: dict[str, Any]) -> None:
    execution, left = run(pipeline, machine, "SayNothingRecorded", RUNNING)
    assert (execution["status"], left["state"], left["error"]["code"]) == ("FAILED", "FAILED", "WORKER_FAILED")


def test_a_record_that_has_changed_meanwhile_is_read_again(pipeline: Pipeline, machine: dict[str, Any]) -> None:
    execution, left = run(
        pipeline,
        machine,
        "RecordFailure",
        {**RUNNING, "state": "SUCCEEDED"},
        current={"record": RUNNING, "etag": '"0123456789abcdef0123456789abcdef"'},
        change={"state": "FAILED"},
        conflict={"number": 0},
        failure=LAST_WORDS,
    )
    assert (execution["status"], left["state"]) == ("SUCCEEDED", "SUCCEEDED")
