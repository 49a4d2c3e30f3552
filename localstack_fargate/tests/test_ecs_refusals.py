"""RunTask that is refused on demand."""

from localstack_fargate.tests.kit import Fargate, refuse_run_task


def test_as_many_calls_are_refused_as_was_asked_for(fargate: Fargate, endpoint: str) -> None:
    definition = fargate.register(fargate.container(command=["exit 0"]))
    assert refuse_run_task(endpoint, "capacity") == 204
    refused = fargate.run_task(definition)
    assert refused["tasks"] == []
    assert "Capacity is unavailable" in refused["failures"][0]["reason"]
    assert fargate.wait(fargate.run_task(definition)["tasks"][0]["taskArn"])["containers"][0]["exitCode"] == 0
    assert refuse_run_task(endpoint, "weather") == 400
