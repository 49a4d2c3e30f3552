"""Names of executions, and attempts as Step Functions' history tells of them."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobs import job_id
from uploads import Upload
from videobatch.executions import execution_name, execution_names, read_attempts

BEGINNING = datetime(2026, 11, 20, 8, 15, tzinfo=UTC)
TASK = {"TaskArn": "arn:aws:ecs:us-east-1:1:task/cluster/0123", "Containers": [{"Name": "worker"}]}


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80), st.integers(1, 10_000))
def test_every_retry_has_a_name_of_its_own_that_step_functions_takes(key: str, retries: int) -> None:
    identifier = job_id(Upload("bucket", key, "v", "e", 1, ""))
    name = execution_name(identifier, retries)
    assert re.fullmatch(r"[a-z0-9-]{1,80}", name)
    assert name.endswith(f"{identifier[-16:]}-r{retries}")
    assert execution_name(identifier, 0) == identifier


def test_a_job_has_an_execution_for_each_retry() -> None:
    assert execution_names({"job_id": "a-1"}) == ["a-1"]
    assert execution_names({"job_id": "a-1", "retries": 2}) == ["a-1", "a-1-r1", "a-1-r2"]


def history(*events: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "type": kind,
            "timestamp": BEGINNING + timedelta(seconds=number),
            f"{kind[0].lower()}{kind[1:]}EventDetails": {"resourceType": "ecs", "resource": "runTask.sync", **details},
        }
        for number, (kind, details) in enumerate(events)
    ]


def test_each_task_is_an_attempt_with_its_end() -> None:
    stopped = {**TASK, "StoppedReason": "Essential container in task exited"}
    killed = {**stopped, "Containers": [{"Name": "worker", "ExitCode": 137, "Reason": "OutOfMemoryError: killed"}]}
    submitted = ("TaskSubmitted", {"output": json.dumps({"Tasks": [TASK], "Failures": []})})
    found = list(
        read_attempts(
            "a-1",
            history(
                ("TaskScheduled", {}),
                ("TaskSubmitFailed", {"error": "ECS.ThrottlingException", "cause": "Rate exceeded"}),
                ("TaskScheduled", {}),
                ("TaskStarted", {}),
                submitted,
                ("TaskFailed", {"error": "States.TaskFailed", "cause": json.dumps(killed)}),
                ("TaskScheduled", {"resourceType": "aws-sdk:s3"}),
                ("TaskSucceeded", {"resourceType": "aws-sdk:s3"}),
                ("TaskScheduled", {}),
                submitted,
                ("TaskSucceeded", {}),
                ("TaskScheduled", {}),
                submitted,
                ("ExecutionAborted", {}),
            ),
        )
    )
    assert [attempt.outcome for attempt in found] == [
        "ECS.ThrottlingException: Rate exceeded",
        "exit code 137: OutOfMemoryError: killed",
        "exit code 0",
        "stopped with the execution",
    ]
    assert [attempt.log_stream for attempt in found] == [None, *["worker/worker/0123"] * 3]
    assert found[1].ended is not None
    assert found[1].ended - found[1].began == timedelta(seconds=3)


def test_a_task_that_goes_on_has_no_end() -> None:
    [attempt] = read_attempts("a-1", history(("TaskScheduled", {})))
    assert (attempt.ended, attempt.outcome, attempt.task_arn) == (None, None, None)
