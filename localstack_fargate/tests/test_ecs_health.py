"""Health checks: what they run, what DescribeTasks says of them, and containers that wait for them."""

from typing import Any

import pytest

from localstack_fargate.tests.kit import Fargate, poll

INTERVAL = 5  # seconds: the shortest that ECS takes


def check(command: str, **settings: int) -> dict[str, Any]:
    return {"command": ["CMD-SHELL", command], "interval": INTERVAL, "retries": 1, **settings}


def wait_for_health(fargate: Fargate, arn: str, status: str) -> dict[str, Any]:
    def has_status() -> dict[str, Any] | None:
        task = fargate.describe(arn)
        return task if task["healthStatus"] == status else None

    task = poll(has_status, 4 * INTERVAL, f"{status} {arn}")
    assert task is not None
    return task


@pytest.mark.conformance("healthCheck", "HEALTHY while the check succeeds, then UNHEALTHY")
def test_a_container_is_healthy_while_its_check_succeeds(fargate: Fargate) -> None:
    script = "touch ready; sleep 7; rm ready; sleep 300"
    arn = fargate.run(fargate.container(command=[script], healthCheck=check("test -f ready")))
    assert fargate.wait(arn, "RUNNING")["healthStatus"] == "UNKNOWN"
    assert wait_for_health(fargate, arn, "HEALTHY")["containers"][0]["healthStatus"] == "HEALTHY"
    task = wait_for_health(fargate, arn, "UNHEALTHY")
    assert task["containers"][0]["healthStatus"] == "UNHEALTHY"
    assert task["lastStatus"] == "RUNNING"  # ECS stops unhealthy tasks of services only


@pytest.mark.conformance("dependsOn", "HEALTHY")
def test_a_container_waits_for_a_healthy_one(fargate: Fargate) -> None:
    server = fargate.container("server", command=["sleep 300"], healthCheck=check("true"), stopTimeout=2)
    main = fargate.container(dependsOn=[{"containerName": "server", "condition": "HEALTHY"}], command=["exit 4"])
    task = fargate.wait(fargate.run(main, server), timeout=30)
    health = {container["name"]: container["healthStatus"] for container in task["containers"]}
    assert health == {"main": "UNKNOWN", "server": "HEALTHY"}
    assert {c["name"]: c["exitCode"] for c in task["containers"]}["main"] == 4


@pytest.mark.conformance("healthCheck", "`timeout`")
def test_a_check_that_takes_too_long_has_failed(fargate: Fargate) -> None:
    arn = fargate.run(fargate.container(command=["sleep 300"], healthCheck=check("sleep 60", timeout=2)))
    wait_for_health(fargate, arn, "UNHEALTHY")


@pytest.mark.conformance("healthCheck", "`startPeriod`")
def test_failures_within_the_start_period_do_not_count(fargate: Fargate) -> None:
    script = "sleep 7; touch ready; sleep 300"
    container = fargate.container(command=[script], healthCheck=check("test -f ready", startPeriod=300))
    arn = fargate.run(container)
    seen = []

    def is_healthy() -> bool:
        seen.append(fargate.describe(arn)["healthStatus"])
        return seen[-1] == "HEALTHY"

    poll(is_healthy, 4 * INTERVAL)
    assert set(seen) == {"UNKNOWN", "HEALTHY"}
