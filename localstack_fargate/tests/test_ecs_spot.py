"""Spot interruptions."""

import urllib.error
import urllib.request

from localstack_fargate.tests.kit import Fargate


def interrupt(endpoint: str, task_arn: str) -> int:
    """Ask for an interruption; returns the HTTP status."""
    url = f"{endpoint}/_aws/ecs/tasks/{task_arn.rsplit('/', 1)[-1]}/spot-interruption"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_an_interruption_is_a_sigterm_and_a_reason(fargate: Fargate, endpoint: str) -> None:
    script = "trap 'echo interrupted; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    definition = fargate.register(fargate.container(command=[script]))
    [task] = fargate.run_task(definition, capacityProviderStrategy=strategy)["tasks"]
    arn = task["taskArn"]
    fargate.wait(arn, "RUNNING")
    fargate.wait_for_output(arn)
    assert interrupt(endpoint, arn) == 204
    task = fargate.wait(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("SpotInterruption", "Your Spot Task was interrupted.")
    assert task["containers"][0]["exitCode"] == 9
    assert task["capacityProviderName"] == "FARGATE_SPOT"
    assert fargate.output(arn) == ["ready", "interrupted"]


def test_only_spot_tasks_are_interrupted(fargate: Fargate, endpoint: str) -> None:
    arn = fargate.run_script("sleep 300")
    assert interrupt(endpoint, arn) == 409
    assert interrupt(endpoint, "arn/unknown") == 404
    assert fargate.describe(arn)["desiredStatus"] == "RUNNING"
