"""A statement less in a role's policy, and the pipeline fails for want of what it grants, which is said.

docs/iam.md has it for all statements, by the calls of a whole run. Here some are taken away from the running account.
"""

import base64
import contextlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from e2e.conftest import STACK_TAG, WaitForJob
from e2e.iam_report import ledger, stack_resources
from e2e.inspection import status_at_the_end, tasks_of
from e2e.test_dependability import event_of
from videobatch.pipeline import JobRecord, Pipeline

pytestmark = pytest.mark.only_target("process")  # what runs the tasks does not matter to IAM

Without = Callable[[str, str], contextlib.AbstractContextManager[None]]

NOT_AUTHORIZED = "AccessDeniedException.* is not authorized to perform: {denied} "


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


def test_tasks_have_the_tags_of_their_definition(pipeline: Pipeline, job: JobRecord) -> None:
    [task] = tasks_of(pipeline, job["job_id"])
    assert boto3.client("ecs").list_tags_for_resource(resourceArn=task["taskArn"])["tags"] == [STACK_TAG]


@pytest.mark.parametrize(
    ("role", "sid", "denied", "code", "told"),
    [
        (
            "TaskRole", "ReadUploadsAndWatermarks", 's3:GetObject on resource: "{bucket}/{source}"',
            "ACCESS_DENIED", "is not allowed to look at {source}",
        ),
        (
            "TaskRole", "TellMissingFromForbidden", 's3:ListBucket on resource: "{bucket}"',
            "ACCESS_DENIED", "is not allowed to ",
        ),
        (
            "TaskRole", "WriteResultsAndRecords", 's3:GetObject on resource: "{bucket}/{record}"',
            "WORKER_FAILED", "could not record why",
        ),
        ("StateMachineRole", "RunTasks", "ecs:RunTask", "TASK_NOT_STARTED", NOT_AUTHORIZED),
        ("StateMachineRole", "TagTasks", "ecs:TagResource", "TASK_NOT_STARTED", NOT_AUTHORIZED),
        ("StateMachineRole", "GiveTasksTheirRoles", "iam:PassRole", "TASK_NOT_STARTED", NOT_AUTHORIZED),
        ("ExecutionRole", "WriteLogs", "logs:CreateLogStream", "WORKER_CRASHED", NOT_AUTHORIZED),
    ],
)  # fmt: skip
def test_a_job_with_a_statement_less(
    pipeline: Pipeline,
    clip: Path,
    wait_for_job: WaitForJob,
    without: Without,
    names: dict[str, str],
    role: str,
    sid: str,
    denied: str,
    code: str,
    told: str,
) -> None:
    with without(role, sid):
        record = wait_for_job(pipeline.upload(clip, f"iam/{sid}.mp4"))
    keys = {"source": record["source"]["key"], "record": f"{pipeline.outputs['JobPrefix']}{record['job_id']}.json"}
    refusal = denied.format(bucket=f"arn:aws:s3:::{pipeline.bucket}", **keys)
    assert f"is not authorized to perform: {refusal} " in denials_of(names[role])
    assert (record["state"], record["error"]["code"]) == ("FAILED", code)
    assert re.search(told.format(denied=denied, **keys), record["error"]["message"])


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
