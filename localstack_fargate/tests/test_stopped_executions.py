"""An execution that is stopped ends as ABORTED, at every moment."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localstack_fargate.tests.kit import poll, random_name
from localstack_fargate.tests.lambda_kit import Functions

ROLE = "arn:aws:iam::000000000000:role/any"


class Machines:
    """State machines to make and to stop."""

    def __init__(self, states: Any) -> None:
        self.states = states
        self._arns: list[str] = []

    def start(self, state: dict[str, Any]) -> str:
        """Start an execution of one state; returns its ARN."""
        made = self.states.create_state_machine(
            name=random_name(),
            definition=json.dumps({"StartAt": "Only", "States": {"Only": {**state, "End": True}}}),
            roleArn=ROLE,
        )
        self._arns.append(made["stateMachineArn"])
        execution: str = self.states.start_execution(stateMachineArn=made["stateMachineArn"])["executionArn"]
        return execution

    def stop(self, execution: str) -> str:
        """Stop an execution; returns the status that it ends with."""
        self.states.stop_execution(executionArn=execution)

        def ended() -> str | None:
            status: str = self.states.describe_execution(executionArn=execution)["status"]
            return None if status == "RUNNING" else status

        return poll(ended, 30) or "RUNNING"

    def close(self) -> None:
        for arn in self._arns:
            self.states.delete_state_machine(stateMachineArn=arn)


@pytest.fixture
def machines(client: Callable[[str], Any]) -> Iterator[Machines]:
    made = Machines(client("stepfunctions"))
    yield made
    made.close()


@pytest.mark.conformance("Step Functions", "StopExecution aborts also when a state fails at that moment")
def test_a_state_that_fails_after_the_stop_changes_nothing(
    machines: Machines, functions: Functions, tmp_path: Path
) -> None:
    begun, over = tmp_path / "begun", tmp_path / "over"
    name = functions.create(f"""
        import pathlib, time
        def handler(event, context):
            pathlib.Path({str(begun)!r}).touch()
            while not pathlib.Path({str(over)!r}).exists(): time.sleep(0.01)
            raise RuntimeError("too late")
        """)
    execution = machines.start(
        {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": name}}
    )
    poll(begun.exists)
    machines.states.stop_execution(executionArn=execution)
    over.touch()
    assert machines.stop(execution) == "ABORTED"
    history = machines.states.get_execution_history(executionArn=execution)["events"]
    assert history[-1]["type"] == "ExecutionAborted"


@pytest.mark.conformance("Step Functions", "StopExecution stops one that has only just been started")
def test_an_execution_is_stopped_before_its_first_state(machines: Machines) -> None:
    executions = [machines.start({"Type": "Wait", "Seconds": 20}) for _ in range(5)]
    assert [machines.stop(execution) for execution in executions] == ["ABORTED"] * 5
