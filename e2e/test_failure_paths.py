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

from e2e.inspection import tasks_of, wait_until
from videobatch.pipeline import Pipeline


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
        input=json.dumps({"job_id": job_id, "source": source, "attempt": attempt, "size": size(256, 512), **data}),
    )["executionArn"]

    def ended() -> Any:
        execution = states.describe_execution(executionArn=started)
        return execution if execution["status"] != "RUNNING" else None

    execution = wait_until(ended, "the execution's end")
    return execution, json.load(pipeline.s3.get_object(Bucket=pipeline.bucket, Key=key)["Body"])


def size(cpu: int, memory_mb: int, largest_mb: int = 512) -> dict[str, Any]:
    """A task's size and the bound, as the machine keeps them."""
    return {"cpu": str(cpu), "memory": str(memory_mb), "memory_mb": memory_mb, "largest_mb": largest_mb}


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


WANTS_3000 = {**LAST_WORDS, "code": "INSUFFICIENT_MEMORY", "retryable": False, "memory_mb": 3000}
KILLED = {**LAST_WORDS, "code": "OUT_OF_MEMORY", "retryable": False}
OUT_OF_MEMORY = caught("States.TaskFailed", stopped(ExitCode=137, Reason="OutOfMemoryError: Container killed"))


@pytest.mark.parametrize(
    ("failure", "record", "code"),
    [
        (caught("ECS.ClientException", "TaskDefinition is inactive"), RUNNING, "TASK_NOT_STARTED"),
        (caught("States.TaskFailed", [{"Reason": "MISSING"}]), RUNNING, "TASK_NOT_STARTED"),
        (caught("States.TaskFailed", {"StopCode": "TaskFailedToStart", "Containers": []}), RUNNING, "TASK_NOT_STARTED"),
        (OUT_OF_MEMORY, RUNNING, "OUT_OF_MEMORY"),
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


def test_a_job_that_may_have_its_result_is_run_once_more(pipeline: Pipeline, machine: dict[str, Any]) -> None:
    _, left = run(pipeline, machine, "SayTimeout", {**RUNNING, "publishing": True})
    assert len(tasks_of(pipeline, left["job_id"])) == 1
    # There is no such upload, as that worker found out.
    assert (left["state"], left["error"]["code"], left["attempt"]) == ("FAILED", "SOURCE_GONE", RUNNING["attempt"])


def test_and_not_more_than_once(pipeline: Pipeline, machine: dict[str, Any]) -> None:
    settling = {"because": "publishing"}
    execution, left = run(pipeline, machine, "SayTimeout", {**RUNNING, "publishing": True}, settling=settling)
    assert (execution["status"], left["state"], left["error"]["code"]) == ("FAILED", "FAILED", "TIMEOUT")
    assert tasks_of(pipeline, left["job_id"]) == []


@pytest.mark.parametrize(
    ("failure", "error", "before", "after"),
    [
        pytest.param(
            caught("States.TaskFailed", stopped(ExitCode=21)), WANTS_3000, size(256, 512, 8192), ("2048", "4096"),
            id="as large as it says, at once",
        ),
        pytest.param(
            caught("States.TaskFailed", stopped(ExitCode=20)), KILLED, size(256, 512, 8192), ("512", "1024"),
            id="its engine was killed",
        ),
        pytest.param(
            OUT_OF_MEMORY, None, size(1024, 3072, 4096), ("2048", "4096"),
            id="it was killed itself, in a size between two others",
        ),
        pytest.param(
            OUT_OF_MEMORY, WANTS_3000, size(2048, 4096, 8192), ("4096", "8192"),
            id="what it said is not enough",
        ),
    ],
)  # fmt: skip
def test_a_task_that_is_too_small_is_followed_by_a_larger_one(
    pipeline: Pipeline, machine: dict[str, Any],
    failure: dict[str, Any], error: dict[str, Any] | None, before: dict[str, Any], after: tuple[str, str],
) -> None:  # fmt: skip
    record = {**RUNNING, "error": error}
    _, left = run(pipeline, machine, "DidTheTaskRun", record, caught=failure, size=before)
    [task] = tasks_of(pipeline, left["job_id"])
    assert (task["cpu"], task["memory"]) == after
    # There is no such upload, as the larger task found out. It is no further attempt.
    assert (left["state"], left["error"]["code"], left["attempt"]) == ("FAILED", "SOURCE_GONE", RUNNING["attempt"])
    assert left["task"] == {"vcpu": int(after[0]) / 1024, "memory_mb": int(after[1])}


@pytest.mark.parametrize(
    ("exit_code", "error", "at"),
    [(21, WANTS_3000, size(256, 512, 2048)), (21, {**WANTS_3000, "memory_mb": 9000}, size(256, 512, 8192)),
     (20, KILLED, size(4096, 8192, 8192)), (20, KILLED, size(1024, 2048, 512))],
)  # fmt: skip
def test_beyond_the_largest_task_the_workers_word_is_the_last(
    pipeline: Pipeline, machine: dict[str, Any], exit_code: int, error: dict[str, Any], at: dict[str, Any]
) -> None:
    failure = caught("States.TaskFailed", stopped(ExitCode=exit_code))
    execution, left = run(pipeline, machine, "DidTheTaskRun", {**RUNNING, "error": error}, caught=failure, size=at)
    assert (execution["status"], execution["error"]) == ("FAILED", error["code"])
    assert (left["state"], left["error"]) == ("FAILED", error)
    assert tasks_of(pipeline, left["job_id"]) == []
