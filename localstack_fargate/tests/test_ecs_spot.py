"""Spot interruptions."""

from localstack_fargate.tests.kit import Fargate, interrupt_spot_task


def test_an_interruption_is_a_sigterm_and_a_reason(fargate: Fargate, endpoint: str) -> None:
    script = "trap 'echo interrupted; exit 9' TERM; echo ready; while :; do sleep 0.05; done"
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    definition = fargate.register(fargate.container(command=[script]))
    [task] = fargate.run_task(definition, capacityProviderStrategy=strategy)["tasks"]
    arn = task["taskArn"]
    fargate.wait(arn, "RUNNING")
    fargate.wait_for_output(arn)
    assert interrupt_spot_task(endpoint, arn) == 204
    task = fargate.wait(arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("SpotInterruption", "Your Spot Task was interrupted.")
    assert task["containers"][0]["exitCode"] == 9
    assert task["capacityProviderName"] == "FARGATE_SPOT"
    assert fargate.output(arn) == ["ready", "interrupted"]


def test_only_spot_tasks_are_interrupted(fargate: Fargate, endpoint: str) -> None:
    arn = fargate.run_script("sleep 300")
    assert interrupt_spot_task(endpoint, arn) == 409
    assert interrupt_spot_task(endpoint, "arn/unknown") == 404
    assert fargate.describe(arn)["desiredStatus"] == "RUNNING"
