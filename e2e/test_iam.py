"""A statement less in a role's policy, and the pipeline fails for want of what it grants, which is said.

docs/iam.md has it for all statements, by the calls of a whole run. Here some are taken away from the running account.
"""

import base64
import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from e2e.conftest import WaitForJob
from e2e.iam_report import ledger, stack_resources
from e2e.inspection import status_at_the_end
from e2e.test_dependability import event_of
from videobatch.pipeline import JobRecord, Pipeline

pytestmark = pytest.mark.only_target("process")  # what runs the tasks does not matter to IAM

Without = Callable[[str, str], contextlib.AbstractContextManager[None]]


@pytest.fixture(scope="module")
def names(pipeline: Pipeline) -> dict[str, str]:  # noqa: ARG001 - its account is in the environment
    """Name in the template → the name of what was made."""
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in stack_resources()}


@pytest.fixture(scope="module")
def without(names: dict[str, str]) -> Without:
    """Take a statement, by its Sid, out of a role's policy, for as long as the block lasts."""
    iam = boto3.client("iam")

    @contextlib.contextmanager
    def without(role: str, sid: str) -> Iterator[None]:
        name = names[role]
        [policy] = iam.list_role_policies(RoleName=name)["PolicyNames"]
        whole = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        fewer = [each for each in whole["Statement"] if each["Sid"] != sid]
        assert len(fewer) == len(whole["Statement"]) - 1
        put = {"RoleName": name, "PolicyName": policy}
        iam.put_role_policy(**put, PolicyDocument=json.dumps({**whole, "Statement": fewer}))
        try:
            yield
        finally:
            iam.put_role_policy(**put, PolicyDocument=json.dumps(whole))

    return without


@pytest.fixture(scope="module")
def job(pipeline: Pipeline, clip: Path, wait_for_job: WaitForJob) -> JobRecord:
    """A job that has succeeded."""
    record = wait_for_job(pipeline.upload(clip, "iam/whole.mp4"))
    assert record["state"] == "SUCCEEDED"
    status_at_the_end(pipeline, record["job_id"])
    return record


def denials_of(role: str) -> str:
    """What a role was denied."""
    return "\n".join(each["message"] for each in ledger()["denials"] if f":assumed-role/{role}/" in each["message"])


@pytest.mark.parametrize(
    ("role", "sid", "code", "action"),
    [
        ("TaskRole", "ReadUploadsAndWatermarks", "ACCESS_DENIED", "s3:GetObject"),
        ("TaskRole", "TellMissingFromForbidden", "ACCESS_DENIED", "s3:ListBucket"),
        ("TaskRole", "WriteResultsAndRecords", "WORKER_FAILED", "s3:GetObject"),
    ],
)
def test_a_task_with_a_statement_less(
    pipeline: Pipeline,
    clip: Path,
    wait_for_job: WaitForJob,
    without: Without,
    names: dict[str, str],
    role: str,
    sid: str,
    code: str,
    action: str,
) -> None:
    with without(role, sid):
        record = wait_for_job(pipeline.upload(clip, f"iam/{sid}.mp4"))
    assert (record["state"], record["error"]["code"]) == ("FAILED", code)
    assert f"is not authorized to perform: {action}" in denials_of(names[role])


@pytest.mark.parametrize(
    ("role", "sid", "code", "action"),
    [
        ("StateMachineRole", "RunTasks", "TASK_NOT_STARTED", "ecs:RunTask"),
        ("StateMachineRole", "GiveTasksTheirRoles", "TASK_NOT_STARTED", "iam:PassRole"),
        ("ExecutionRole", "WriteLogs", "WORKER_CRASHED", "logs:CreateLogStream"),
    ],
)
def test_a_job_with_a_statement_less(
    pipeline: Pipeline,
    clip: Path,
    wait_for_job: WaitForJob,
    without: Without,
    role: str,
    sid: str,
    code: str,
    action: str,
) -> None:
    with without(role, sid):
        record = wait_for_job(pipeline.upload(clip, f"iam/{sid}.mp4"))
    assert (record["state"], record["error"]["code"]) == ("FAILED", code)
    assert "AccessDeniedException" in record["error"]["message"]
    assert f"is not authorized to perform: {action}" in record["error"]["message"]


@pytest.mark.parametrize(
    ("role", "sid", "function", "event", "action"),
    [
        ("FunctionRole", "StartJobs", "Function", "upload", "states:StartExecution"),
        ("ReportRole", "TellOfFailures", "ReportFunction", "failure", "SNS:Publish"),
        ("WatchRole", "ListJobs", "WatchFunction", {"look_at": "running jobs"}, "states:ListExecutions"),
        ("WatchRole", "ReadDeadLetters", "WatchFunction", {"look_at": "dead letters"}, "sqs:getqueueattributes"),
    ],
)
def test_a_function_with_a_statement_less(
    pipeline: Pipeline,
    job: JobRecord,
    without: Without,
    names: dict[str, str],
    role: str,
    sid: str,
    function: str,
    event: Any,
    action: str,
) -> None:
    failed = {**job, "state": "FAILED", "error": {"code": "C", "message": "m", "hint": "h", "retryable": False}}
    events = {"upload": event_of(job, pipeline.bucket), "failure": {"detail": failed, "resources": []}}
    payload = json.dumps(events[event] if isinstance(event, str) else event)
    with without(role, sid):
        answer = boto3.client("lambda").invoke(FunctionName=names[function], Payload=payload, LogType="Tail")
    assert answer["FunctionError"]
    assert f"is not authorized to perform: {action}" in base64.b64decode(answer["LogResult"]).decode()


def test_a_state_machine_whose_role_may_not_hear_of_tasks(pipeline: Pipeline, without: Without) -> None:
    states, arn = boto3.client("stepfunctions"), pipeline.outputs["StateMachineArn"]
    definition = states.describe_state_machine(stateMachineArn=arn)["definition"]
    with (
        without("StateMachineRole", "HearOfStoppedTasks"),
        pytest.raises(
            states.exceptions.ClientError, match=r"AccessDeniedException.*is not authorized to create managed-rule"
        ),
    ):
        states.update_state_machine(stateMachineArn=arn, definition=definition)
