"""The environment of a container: what Fargate puts there, what the task definition says, what RunTask overrides."""

from ..launchers.base import ResourceInitializationError
from ..task_endpoint.server import TaskEndpoint
from .models import Container, Task


def container_environment(task: Task, container: Container, endpoint: TaskEndpoint) -> dict[str, str]:
    """All environment variables that a container is given.

    The task definition may choose another region or endpoint, but never the way to credentials and metadata.
    Raises ``ResourceInitializationError`` for what is not emulated: a task would not find out why it lacks a variable.
    """
    for unsupported in ("secrets", "environmentFiles"):
        if container.definition.get(unsupported):
            raise ResourceInitializationError(f"{unsupported} of container {container.name} are not emulated")
    defined = container.definition.get("environment") or []
    return {
        "AWS_REGION": task.region,
        "AWS_DEFAULT_REGION": task.region,
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_ENDPOINT_URL": endpoint.gateway_url,
        **{variable["name"]: variable["value"] for variable in defined if "name" in variable and "value" in variable},
        **endpoint.environment(task, container),
    }
