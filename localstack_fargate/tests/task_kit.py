"""A task without an emulator, for tests of the parts that a task goes through."""

from typing import Any

from localstack_fargate.ecs.definitions import TaskDefinition
from localstack_fargate.ecs.models import Container, Task

PREFIX = "arn:aws:ecs:us-east-1:000000000000"


def make_task(**container: Any) -> Task:
    """A task of one container, "main", whose definition has this added."""
    arn = f"{PREFIX}:task/test/0123"
    definition = {"name": "main", "image": "example/shell", **container}
    return Task(
        arn=arn,
        cluster_arn=f"{PREFIX}:cluster/test",
        account_id="000000000000",
        region="us-east-1",
        definition=TaskDefinition(
            arn=f"{PREFIX}:task-definition/test:1",
            family="test",
            revision=1,
            containers=[definition],
            cpu="256",
            memory="512",
            network_mode="awsvpc",
            compatibilities=("FARGATE",),
            task_role_arn=None,
            execution_role_arn=None,
            ephemeral_storage=None,
            runtime_platform=None,
        ),
        containers=[Container(f"{PREFIX}:container/test/0123/main", arn, "0123-main", definition)],
        overrides={},
        group="family:test",
        cpu="256",
        memory="512",
    )
