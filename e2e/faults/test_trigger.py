"""A function that fails until its event is a dead letter; a Step Functions that throttles it; an ECS that is full."""

import contextlib
import json
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3

from e2e.faults.conftest import Operate
from e2e.faults.fault import NewFault
from e2e.faults.proxy import FaultProxy, Rule, throttle
from e2e.inspection import executions_of, tasks_of, wait_until
from e2e.targets import Target
from videobatch.pipeline import Pipeline

DELIVERIES = 3  # Lambda's own: the event and two retries
# For so long the emulator's Lambda still takes events for the function as it was, and hands them on two minutes later.
POLLER_SECONDS = 3
REFUSALS = ("throttling", "capacity")
TRIES = 5  # of the function's client, within a delivery


@contextlib.contextmanager
def function_with(pipeline: Pipeline, variables: Mapping[str, str]) -> Iterator[None]:
    """The deployed function with other variables, for as long as the block lasts."""
    functions, name = boto3.client("lambda"), pipeline.outputs["FunctionName"]
    deployed = functions.get_function_configuration(FunctionName=name)["Environment"]

    def configure(environment: Mapping[str, str]) -> None:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": dict(environment)})
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        time.sleep(POLLER_SECONDS)

    configure({**deployed["Variables"], **variables})
    try:
        yield
    finally:
        configure(deployed["Variables"])


def dead_letter(pipeline: Pipeline) -> Any:
    """A message of the dead-letter queue, which stays there, or None."""
    answer = boto3.client("sqs").receive_message(QueueUrl=pipeline.outputs["DeadLetterQueueUrl"], VisibilityTimeout=0)
    return next((json.loads(message["Body"]) for message in answer.get("Messages", [])), None)


def test_a_function_that_fails_until_its_event_is_a_dead_letter(
    pipeline: Pipeline, operate: Operate, new_fault: NewFault, clip: Path
) -> None:
    """As after a wrong deployment; once that is mended, the operator sends the letter back."""
    fault = new_fault("the function fails three times, `videobatch redrive`")
    with function_with(pipeline, {"STATE_MACHINE_ARN": pipeline.outputs["StateMachineArn"] + "-no-more"}):
        version_id = fault.upload(clip, "dead-letter.mp4")
        letter = wait_until(lambda: dead_letter(pipeline), "the dead letter")
        queued = pipeline.record_of(version_id)
    assert letter["requestContext"]["approximateInvokeCount"] == DELIVERIES
    assert letter["requestContext"]["condition"] == "RetriesExhausted"
    assert queued is not None
    assert queued["state"] == "QUEUED", "it should be seen that it waits"
    assert executions_of(pipeline, queued["job_id"]) == []
    [redriven] = operate("redrive")["letters"]
    assert (redriven["keys"], redriven["jobs"]) == ([queued["source"]["key"]], [queued["job_id"]])
    [record] = fault.settle(injected=DELIVERIES)
    assert (record["state"], record["job_id"]) == ("SUCCEEDED", queued["job_id"])


def test_step_functions_throttles_the_function(
    pipeline: Pipeline, target: Target, new_fault: NewFault, clip: Path
) -> None:
    """For longer than one delivery tries, so that Lambda has to deliver the event again."""
    fault = new_fault("Step Functions throttles StartExecution")
    rule = Rule("POST", "/", throttle("ThrottlingException"), containing=("throttled",), times=TRIES + 2)
    with FaultProxy(target.address_for_tasks(), target.emulator_url()) as proxy:
        proxy.inject(rule)
        with function_with(pipeline, {"AWS_ENDPOINT_URL_SFN": proxy.url}):
            version_id = fault.upload(clip, "throttled.mp4")
            wait_until(lambda: rule.applied == rule.times, "the throttling")
            started = wait_until(lambda: pipeline.record_of(version_id), "the job's record")
            wait_until(lambda: executions_of(pipeline, started["job_id"]), "the execution")
    [record] = fault.settle(injected=rule.applied)
    assert (record["state"], record["attempt"]) == ("SUCCEEDED", 1)
    assert len(executions_of(pipeline, record["job_id"])) == 1


def refusals(target: Target, reasons: Sequence[str] | None = None) -> list[str]:
    """Let the emulator's ECS refuse RunTask for these reasons; return those that are still to come."""
    url = f"{target.emulator_url()}/_aws/ecs/run-task-refusals"
    body = None if reasons is None else json.dumps({"reasons": reasons}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body)) as answer:  # noqa: S310 - of the account's own endpoint
        left: list[str] = [] if body else json.load(answer)["reasons"]
    return left


def test_ecs_throttles_and_is_full(pipeline: Pipeline, target: Target, new_fault: NewFault, clip: Path) -> None:
    """No attempt has begun then, so none is lost."""
    fault = new_fault("ECS throttles RunTask, then has no capacity")
    refusals(target, REFUSALS)
    fault.upload(clip, "refused.mp4")
    [record] = fault.wait()
    assert refusals(target) == []
    fault.settle(injected=len(REFUSALS))
    assert (record["state"], record["attempt"]) == ("SUCCEEDED", 1)
    assert len(tasks_of(pipeline, record["job_id"])) == 1
