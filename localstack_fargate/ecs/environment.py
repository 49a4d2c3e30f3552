"""The environment of a container: what Fargate puts there, what the task definition says, what RunTask overrides."""

from ..task_endpoint.server import TaskEndpoint
from .environment_files import pull_environment_files
from .execution_role import ExecutionRole
from .models import Container, Task
from .secrets import pull_secrets


def container_environment(task: Task, container: Container, endpoint: TaskEndpoint) -> dict[str, str]:
    """All environment variables that a container is given.

    The task definition may choose another region or endpoint, but never the way to credentials and metadata.
    Raises ``ResourceInitializationError`` if an environment file or a secret cannot be had.
    """
    role = ExecutionRole(task)
    defined = container.definition.get("environment") or []
    return {
        "AWS_REGION": task.region,
        "AWS_DEFAULT_REGION": task.region,
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_ENDPOINT_URL": endpoint.gateway_url,
        **pull_environment_files(container.definition.get("environmentFiles") or (), role),
        **{variable["name"]: variable["value"] for variable in defined if "name" in variable and "value" in variable},
        **pull_secrets(container.definition.get("secrets") or (), role),
        **endpoint.environment(task, container),
    }
