"""Executions share what is parsed, and nothing else."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from localstack.services.stepfunctions.asl.component.common.path import result_path
from localstack.services.stepfunctions.asl.parse.asl_parser import AmazonStateLanguageParser
from localstack.services.stepfunctions.asl.utils import json_path

from localstack_fargate.stepfunctions import parsed_once
from localstack_fargate.tests.kit import poll, random_name

DEFINITION = {
    "StartAt": "Look",
    "States": {
        "Look": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:headBucket",
            "Parameters": {"Bucket.$": "$.bucket"},
            "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Say"}],
            "ResultPath": "$.head",
            "Next": "Say",
        },
        "Say": {"Type": "Pass", "Parameters": {"mine.$": "$.bucket", "all.$": "$.numbers[*]"}, "End": True},
    },
}


@pytest.fixture
def machine(client: Callable[[str], Any]) -> Iterator[str]:
    states = client("stepfunctions")
    role = "arn:aws:iam::000000000000:role/any"
    arn: str = states.create_state_machine(name=random_name(), definition=json.dumps(DEFINITION), roleArn=role)[
        "stateMachineArn"
    ]
    yield arn
    states.delete_state_machine(stateMachineArn=arn)


def test_each_execution_has_its_own_input_and_its_own_retries(client: Callable[[str], Any], machine: str) -> None:
    states = client("stepfunctions")

    def run(number: int) -> tuple[dict[str, Any], int]:
        given = {"bucket": f"missing-{number}", "numbers": list(range(number))}
        execution = states.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"]
        poll(lambda: states.describe_execution(executionArn=execution)["status"] == "SUCCEEDED", 60)
        events = states.get_execution_history(executionArn=execution)["events"]
        attempts = sum(event["type"] == "TaskFailed" for event in events)
        output: dict[str, Any] = json.loads(states.describe_execution(executionArn=execution)["output"])
        return output, attempts

    with ThreadPoolExecutor(4) as pool:
        for number, (output, attempts) in enumerate(pool.map(run, range(1, 9)), start=1):
            assert output == {"mine": f"missing-{number}", "all": list(range(number))}
            assert attempts == 2  # the first, and its one retry


def test_paths_and_definitions_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_path, "parse", json_path.parse)  # all are put back after the test
    monkeypatch.setattr(result_path, "parse", result_path.parse)
    monkeypatch.setattr(AmazonStateLanguageParser, "parse", staticmethod(AmazonStateLanguageParser.parse))
    parsed_once.install()
    assert json_path.parse("$.a[*].b") is json_path.parse("$.a[*].b")
    assert json_path.extract_json("$.a[*].b", {"a": [{"b": 1}, {"b": 2}]}) == [1, 2]
    assert json_path.extract_json("$.a[*].b", {"a": [{"b": 3}, {"b": 4}]}) == [3, 4]
    definition = json.dumps(DEFINITION)
    (program, tree), (other, same) = (AmazonStateLanguageParser.parse(definition) for _ in range(2))
    assert tree is same
    assert program is not other
