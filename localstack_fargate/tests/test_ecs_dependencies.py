"""dependsOn: in which order the containers of a task start and stop."""

from typing import Any

import pytest

from localstack_fargate.tests.kit import Fargate

TIMESTAMPS = "date +%s%N; {script}; date +%s%N"
UNTIL_TERM = "trap 'date +%s%N; exit 0' TERM; date +%s%N; while :; do sleep 0.05; done"


def after(name: str, condition: str) -> list[dict[str, str]]:
    return [{"containerName": name, "condition": condition}]


def timestamps(fargate: Fargate, arn: str, container: str) -> list[int]:
    """What the container printed: nanoseconds."""
    return [int(line) for line in fargate.output(arn, container)]


def codes(task: dict[str, Any]) -> dict[str, int | None]:
    return {container["name"]: container.get("exitCode") for container in task["containers"]}


@pytest.mark.conformance("dependsOn", "COMPLETE and SUCCESS")
@pytest.mark.parametrize(("condition", "code"), [("COMPLETE", 1), ("SUCCESS", 0)])
def test_a_container_waits_for_another_to_end(fargate: Fargate, condition: str, code: int) -> None:
    script = TIMESTAMPS.format(script="sleep 0.7") + f"; exit {code}"
    first = fargate.container("first", command=[script], essential=False)
    arn = fargate.run(fargate.container(command=["date +%s%N"], dependsOn=after("first", condition)), first)
    task = fargate.wait(arn)
    assert codes(task) == {"main": 0, "first": code}
    _, first_ended = timestamps(fargate, arn, "first")
    [main_started] = timestamps(fargate, arn, "main")
    assert main_started > first_ended


@pytest.mark.conformance("dependsOn", "The task is RUNNING when all its containers have started")
def test_a_task_runs_when_all_its_containers_have_started(fargate: Fargate) -> None:
    first = fargate.container("first", command=["sleep 1"], essential=False)
    arn = fargate.run(fargate.container(command=["sleep 300"], dependsOn=after("first", "COMPLETE")), first)
    task = fargate.wait(arn, "ACTIVATING")
    assert {c["name"]: c["lastStatus"] for c in task["containers"]}["main"] == "PENDING"
    task = fargate.wait(arn, "RUNNING")
    assert {c["name"]: c["lastStatus"] for c in task["containers"]} == {"main": "RUNNING", "first": "STOPPED"}


@pytest.mark.conformance("dependsOn", "SUCCESS is not had by failing")
def test_success_is_not_had_by_failing(fargate: Fargate) -> None:
    first = fargate.container("first", command=["exit 3"], essential=False)
    task = fargate.wait(fargate.run(fargate.container(dependsOn=after("first", "SUCCESS")), first))
    assert codes(task) == {"main": None, "first": 3}
    assert task["stopCode"] == "TaskFailedToStart"
    assert "first did not exit successfully" in task["stoppedReason"]


@pytest.mark.conformance("dependsOn", "START: a chain starts in its order and stops in the reverse")
def test_a_chain_starts_in_its_order_and_stops_in_the_reverse(fargate: Fargate) -> None:
    database = fargate.container("database", command=[UNTIL_TERM])
    server = fargate.container("server", command=[UNTIL_TERM], dependsOn=after("database", "START"))
    proxy = fargate.container("proxy", command=[UNTIL_TERM], dependsOn=after("server", "START"))
    arn = fargate.run(proxy, server, database)
    fargate.wait(arn, "RUNNING")
    fargate.wait_for_output(arn, "proxy")
    task = fargate.stop(arn)
    assert set(codes(task).values()) == {0}
    started, ended = zip(*(timestamps(fargate, arn, name) for name in ("database", "server", "proxy")), strict=True)
    assert list(ended) == sorted(ended, reverse=True)
    assert len(started) == 3


@pytest.mark.conformance("dependsOn", "`startTimeout`")
def test_waiting_ends_with_the_start_timeout(fargate: Fargate) -> None:
    first = fargate.container("first", command=["sleep 300"], essential=False, startTimeout=2)
    task = fargate.wait(fargate.run(fargate.container(dependsOn=after("first", "COMPLETE")), first))
    assert task["stopCode"] == "TaskFailedToStart"
    assert "first was not COMPLETE within 2 seconds" in task["stoppedReason"]
    assert codes(task)["main"] is None


@pytest.mark.conformance("dependsOn", "StopTask while containers wait")
def test_a_task_can_be_stopped_while_containers_wait(fargate: Fargate) -> None:
    first = fargate.container("first", command=["sleep 300"], essential=False, stopTimeout=2)
    arn = fargate.run(fargate.container(dependsOn=after("first", "COMPLETE")), first)
    fargate.wait(arn, "ACTIVATING")
    task = fargate.stop(arn)
    assert task["stopCode"] == "UserInitiated"
    assert codes(task)["main"] is None
