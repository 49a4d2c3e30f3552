"""``ecs:runTask.sync`` in a state machine ends as its task does."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import FailureEventException
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.resource import (
    ResourceCondition,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_ecs import (  # noqa: E501
    StateTaskServiceEcs,
)

from localstack_fargate.ecs.models import Task, ecs_stores
from localstack_fargate.stepfunctions import run_task_sync
from localstack_fargate.stepfunctions.task_outcome import has_failed
from localstack_fargate.tests.kit import Fargate, poll, random_name
from localstack_fargate.tests.task_kit import make_task


class Machine:
    """A state machine with one state, Run, that runs a task in the cluster."""

    def __init__(self, client: Callable[[str], Any], fargate: Fargate) -> None:
        self._states = client("stepfunctions")
        self._fargate = fargate
        self._arns: list[str] = []

    def start(
        self, definition: str, machine: dict[str, Any] | None = None, where: dict[str, Any] | None = None, **state: Any
    ) -> str:
        """Start an execution, with more members for the machine and its state; returns its ARN."""
        defaults = {"Cluster": self._fargate.name, "TaskDefinition": definition, **(where or {"LaunchType": "FARGATE"})}
        network = {"AwsvpcConfiguration": {"Subnets": self._fargate.network["awsvpcConfiguration"]["subnets"]}}
        run = {
            "Type": "Task",
            "Resource": "arn:aws:states:::ecs:runTask.sync",
            "Parameters": {**defaults, "NetworkConfiguration": network},
            "End": True,
            **state,
        }
        arn = self._states.create_state_machine(
            name=random_name(),
            definition=json.dumps({"StartAt": "Run", "States": {"Run": run}, **(machine or {})}),
            roleArn=self._fargate.role_arn,
        )["stateMachineArn"]
        self._arns.append(arn)
        execution: str = self._states.start_execution(stateMachineArn=arn)["executionArn"]
        return execution

    def wait(self, execution: str) -> dict[str, Any]:
        """The execution as it ended."""

        def ended() -> dict[str, Any] | None:
            shown: dict[str, Any] = self._states.describe_execution(executionArn=execution)
            return shown if shown["status"] != "RUNNING" else None

        execution_ = poll(ended, 30)
        assert execution_ is not None
        return execution_

    def stop(self, execution: str) -> None:
        self._states.stop_execution(executionArn=execution)

    def events(self, execution: str, event_type: str) -> list[dict[str, Any]]:
        events = self._states.get_execution_history(executionArn=execution)["events"]
        return [event for event in events if event["type"] == event_type]

    def close(self) -> None:
        for arn in self._arns:
            self._states.delete_state_machine(stateMachineArn=arn)


@pytest.fixture
def machine(client: Callable[[str], Any], fargate: Fargate) -> Iterator[Machine]:
    made = Machine(client, fargate)
    yield made
    made.close()


def only_task(fargate: Fargate) -> str:
    """ARN of the cluster's only task, once there is one."""

    def tasks() -> set[str]:
        listed: set[str] = set()
        for status in ("RUNNING", "STOPPED"):
            listed.update(fargate.ecs.list_tasks(cluster=fargate.name, desiredStatus=status)["taskArns"])
        return listed

    (arn,) = poll(tasks)
    return arn


@pytest.mark.conformance("Step Functions", "`ecs:runTask.sync` ends with its task")
def test_success(machine: Machine, fargate: Fargate) -> None:
    execution = machine.start(fargate.register(fargate.container(command=["exit 0"])))
    ended = machine.wait(execution)
    assert ended["status"] == "SUCCEEDED"
    task = json.loads(ended["output"])
    assert task["TaskArn"] == only_task(fargate)
    assert (task["LastStatus"], task["Containers"][0]["ExitCode"]) == ("STOPPED", 0)
    assert task["StartedBy"] == "AWS Step Functions"
    assert task["StoppedAt"] > task["StartedAt"] > 1_700_000_000_000, "times are milliseconds since 1970"
    (submitted,) = machine.events(execution, "TaskSubmitted")
    output = json.loads(submitted["taskSubmittedEventDetails"]["output"])
    assert output["Tasks"][0]["TaskArn"] == task["TaskArn"]
    assert output["Failures"] == []


def test_a_task_runs_on_the_capacity_that_is_asked_for(machine: Machine, fargate: Fargate) -> None:
    strategy = {"CapacityProviderStrategy": [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}]}
    execution = machine.start(fargate.register(fargate.container(command=["exit 0"])), where=strategy)
    assert json.loads(machine.wait(execution)["output"])["CapacityProviderName"] == "FARGATE_SPOT"


@pytest.mark.conformance("Step Functions", "`States.TaskFailed` with the task as cause")
def test_exit_code_fails_the_state(machine: Machine, fargate: Fargate) -> None:
    execution = machine.start(fargate.register(fargate.container(command=["exit 3"])))
    ended = machine.wait(execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.TaskFailed")
    task = json.loads(ended["cause"])
    assert task["Containers"][0]["ExitCode"] == 3
    assert (task["StopCode"], task["StoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    (failed,) = machine.events(execution, "TaskFailed")
    details = failed["taskFailedEventDetails"]
    assert (details["resourceType"], details["resource"]) == ("ecs", "runTask.sync")


@pytest.mark.conformance("Step Functions", "A task that does not start fails the state")
def test_task_that_does_not_start_fails_the_state(machine: Machine, fargate: Fargate) -> None:
    ended = machine.wait(machine.start(fargate.register(fargate.container(image="example/unknown"))))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(ended["cause"])["StopCode"] == "TaskFailedToStart"


@pytest.mark.conformance("Step Functions", "A failure can be retried")
def test_failure_can_be_retried(machine: Machine, fargate: Fargate) -> None:
    definition = fargate.register(fargate.container(command=["exit 3"]))
    retry = [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    ended = machine.wait(machine.start(definition, Retry=retry))
    assert ended["status"] == "FAILED"
    assert len(fargate.ecs.list_tasks(cluster=fargate.name, desiredStatus="STOPPED")["taskArns"]) == 2


@pytest.mark.conformance("Step Functions", "An error of RunTask is `ECS.` and its code")
def test_error_of_run_task_has_its_name(machine: Machine) -> None:
    ended = machine.wait(machine.start("no-such-family"))
    assert (ended["status"], ended["error"]) == ("FAILED", "ECS.ClientException")
    assert ended["cause"].startswith("TaskDefinition not found. (Service: AmazonECS; Status Code: 400; ")


@pytest.mark.conformance("Step Functions", "A state's time-out stops its task")
def test_timeout_stops_the_task(machine: Machine, fargate: Fargate) -> None:
    definition = fargate.register(fargate.container(command=["sleep 60"]))
    ended = machine.wait(machine.start(definition, TimeoutSeconds=2))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")
    task = fargate.wait(only_task(fargate))
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "Task was stopped by AWS Step Functions")


@pytest.mark.conformance("Step Functions", "So does the whole machine's")
def test_timeout_of_the_whole_machine_stops_the_task(machine: Machine, fargate: Fargate) -> None:
    definition = fargate.register(fargate.container(command=["sleep 60"]))
    assert machine.wait(machine.start(definition, {"TimeoutSeconds": 2}))["status"] == "TIMED_OUT"
    assert fargate.wait(only_task(fargate))["stopCode"] == "UserInitiated"


@pytest.mark.conformance("Step Functions", "StopExecution stops the task")
def test_stopped_execution_stops_the_task(machine: Machine, fargate: Fargate) -> None:
    execution = machine.start(fargate.register(fargate.container(command=["sleep 60"])))
    arn = only_task(fargate)
    fargate.wait(arn, "RUNNING")
    machine.stop(execution)
    assert machine.wait(execution)["status"] == "ABORTED"
    assert fargate.wait(arn)["stopCode"] == "UserInitiated"


class _Refusing:
    """An ECS that has no capacity: our own always has, so this one stands in for it."""

    def run_task(self, **_request: Any) -> dict[str, Any]:
        failure = {"arn": "arn:aws:ecs:us-east-1:000000000000:task/1", "reason": "RESOURCE:MEMORY"}
        return {"tasks": [], "failures": [failure], "ResponseMetadata": {}}


def _state(condition: Any) -> Any:
    """A state of LocalStack's that runs a task, with our methods."""
    run_task_sync.install()
    state = StateTaskServiceEcs()
    state.resource = SimpleNamespace(
        condition=condition, api_name="ecs", api_action="runTask", service_name="ecs", resource_arn="ecs:runTask"
    )
    return state


@pytest.mark.parametrize(("condition", "fails"), [(ResourceCondition.Sync, True), (None, False)])
def test_failures_without_tasks(monkeypatch: pytest.MonkeyPatch, condition: Any, fails: bool) -> None:
    monkeypatch.setattr(run_task_sync, "boto_client_for", lambda **_: _Refusing())
    state = _state(condition)
    env = SimpleNamespace(stack=[], next_state_name="Run", event_history_context=SimpleNamespace(source_event_id=1))
    part = SimpleNamespace(region="us-east-1")
    if not fails:
        state._eval_service_task(env, part, {}, None)
        assert env.stack[0]["Failures"][0]["Reason"] == "RESOURCE:MEMORY"
        return
    with pytest.raises(FailureEventException) as caught:
        state._eval_service_task(env, part, {}, None)
    error, cause = caught.value.extract_error_cause_pair()
    assert error == "AmazonECS.Unknown"
    assert json.loads(cause)["Failures"][0]["Reason"] == "RESOURCE:MEMORY"


class _Counting:
    """ECS as the state sees it, with the number of its looks at a task."""

    def __init__(self, task: Task) -> None:
        self._task, self.looks = task, 0

    def describe_tasks(self, **_request: Any) -> dict[str, Any]:
        self.looks += 1
        return {"tasks": [self._task.describe()], "failures": []}


def test_a_waiting_execution_does_not_keep_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    task = make_task()
    ecs = _Counting(task)
    monkeypatch.setattr(run_task_sync, "boto_client_for", lambda **_: ecs)
    monkeypatch.setattr(run_task_sync, "SECONDS_BETWEEN_LOOKS", 0.02)
    monkeypatch.setitem(ecs_stores[task.account_id][task.region].tasks, task.arn, task)
    state = _state(ResourceCondition.Sync)
    looks_at_the_execution: list[bool] = []

    def is_running() -> bool:
        looks_at_the_execution.append(True)
        return True

    env = SimpleNamespace(stack=[{"Tasks": [{"ClusterArn": task.cluster_arn, "TaskArn": task.arn}]}])
    env.is_running = is_running
    watch = state._build_sync_resolver(env, SimpleNamespace(region=task.region), {}, None)
    with ThreadPoolExecutor() as pool:
        ended = pool.submit(watch)
        poll(lambda: len(looks_at_the_execution) > 3, 10)
        assert (ecs.looks, ended.done()) == (0, False)
        task.containers[0].exit_code = 0
        task.update("STOPPED")
        described = ended.result(10)
    assert (ecs.looks, described["TaskArn"], described["LastStatus"]) == (1, task.arn, "STOPPED")


TASK = {"stopCode": "EssentialContainerExited", "containers": [{"name": "main", "exitCode": 0}, {"name": "helper"}]}
DEFINITION = {"containerDefinitions": [{"name": "main"}, {"name": "helper", "essential": False}]}


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({}, False),
        ({"stopCode": "TaskFailedToStart"}, True),
        ({"containers": [{"name": "main", "exitCode": 1}]}, True),
        ({"containers": [{"name": "main"}]}, True),
        ({"containers": [{"name": "main", "exitCode": 0}, {"name": "helper", "exitCode": 1}]}, False),
    ],
)
def test_what_fails_a_state(changes: dict[str, Any], failed: bool) -> None:
    assert has_failed({**TASK, **changes}, DEFINITION) is failed
