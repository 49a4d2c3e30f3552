"""RegisterTaskDefinition: the task as a whole."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..exceptions import ClientException, EcsException, InvalidParameterException
from .awsvpc import check_awsvpc
from .containers import check_container
from .dependencies import check_dependencies
from .ephemeral_storage import check_ephemeral_storage
from .fargate import check_fargate
from .fargate_sizes import cpu_units, memory_mib
from .log_configuration import check_log_configuration
from .tags import check_tags
from .values import first_duplicate
from .volumes import check_mounts, check_volumes

MAX_BYTES = 64 * 1024
MAX_CONTAINERS = 10
COMPATIBILITIES = ("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES")
NETWORK_MODES = ("bridge", "host", "awsvpc", "none")
ROLES = ("taskRoleArn", "executionRoleArn")
IAM_ROLE_ARN = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/\S+")


def check_task_definition(request: Mapping[str, Any]) -> None:
    """Raise what ECS answers to a definition that it would not register."""
    _check_length(request)
    _check_family(request.get("family") or "")
    containers = request.get("containerDefinitions") or ()
    requires = request.get("requiresCompatibilities") or ()
    _check_task(request, requires)
    _check_containers(containers)
    for container in containers:
        check_container(container)
    _check_sizes(request, containers)
    check_dependencies(containers)
    check_volumes(request.get("volumes") or ())
    check_mounts(request.get("volumes") or (), containers)
    check_log_configuration(containers)
    _check_secrets(request, containers)
    _check_proxy(request, containers)
    if "FARGATE" in requires:
        check_fargate(request)
    elif requires and request.get("ephemeralStorage"):
        raise ClientException("Tasks using the EC2 launch type do not support EphemeralStorage.")
    if request.get("networkMode") == "awsvpc":
        check_awsvpc(containers)
    check_tags(request.get("tags"))


def compatibilities(request: Mapping[str, Any]) -> list[str]:
    """The launch types on which a valid definition could run."""
    if request.get("networkMode") != "awsvpc":
        return ["EXTERNAL", "EC2"]
    try:
        check_fargate(request)
    except EcsException:
        return ["EC2"]
    return ["EC2", "FARGATE"]


def _check_length(request: Mapping[str, Any]) -> None:
    length = len(json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode())
    if length > MAX_BYTES:
        raise ClientException(f"Actual length: '{length}'. Max allowed length is '{MAX_BYTES}' bytes.")


def _check_family(family: str) -> None:
    if not family:
        raise InvalidParameterException("Family can not be blank.")
    if not re.fullmatch(r"[a-zA-Z0-9_-]+", family):
        raise ClientException("Family contains invalid characters.")
    if len(family) > 255:
        raise ClientException("Family is too long. It can have at most 255 characters.")


def _check_task(request: Mapping[str, Any], requires: Sequence[str]) -> None:
    for value in requires:
        if value not in COMPATIBILITIES:
            raise ClientException(f"{value} is not a valid compatibility. Must be one of [{','.join(COMPATIBILITIES)}]")
    mode = request.get("networkMode")
    if mode is not None and mode not in NETWORK_MODES:
        raise ClientException(f"{mode} is not a valid network mode. Must be one of [{','.join(NETWORK_MODES)}]")
    for name in ROLES:
        role = str(request.get(name) or "")
        if role.startswith("arn:") and not IAM_ROLE_ARN.fullmatch(role):
            raise ClientException("Role is not valid")
    if request.get("inferenceAccelerators"):
        raise ClientException("Unsupported field 'inferenceAccelerators'.")
    check_ephemeral_storage(request.get("ephemeralStorage"), ClientException)


def _check_containers(containers: Sequence[Mapping[str, Any]]) -> None:
    if not containers:
        raise ClientException("Container list cannot be empty.")
    if len(containers) > MAX_CONTAINERS:
        raise ClientException(f"A task definition can have at most {MAX_CONTAINERS} containers.")
    if first_duplicate(str(container["name"]) for container in containers if container.get("name")):
        raise ClientException("Container names must be unique within a task definition.")
    if not any(container.get("essential", True) for container in containers):
        raise ClientException("Task definition doesn't have any essential container.")


def _check_sizes(request: Mapping[str, Any], containers: Sequence[Mapping[str, Any]]) -> None:
    """The containers' shares of the task's CPU and memory."""
    if request.get("memory"):
        task_memory = memory_mib(request["memory"], ClientException)
        for container in containers:
            if (container.get("memory") or 0) > task_memory:
                raise ClientException(
                    f"The 'memory' setting for container '{container['name']}' is greater than for the task."
                )
        if sum(c.get("memoryReservation") or c.get("memory") or 0 for c in containers) > task_memory:
            raise ClientException(
                "The sum of all container 'memory' values cannot be greater than the value of the task 'memory'."
            )
    else:
        for container in containers:
            if not container.get("memory") and not container.get("memoryReservation"):
                raise ClientException(
                    f"Invalid setting for container '{container['name']}'. "
                    "At least one of 'memory' or 'memoryReservation' must be specified."
                )
    if request.get("cpu"):
        task_cpu = cpu_units(request["cpu"], ClientException)
        if sum(container.get("cpu") or 0 for container in containers) > task_cpu:
            raise ClientException(
                "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."
            )


def _check_secrets(request: Mapping[str, Any], containers: Sequence[Mapping[str, Any]]) -> None:
    for container in containers:
        secrets = container.get("secrets") or ()
        if secrets and not request.get("executionRoleArn"):
            raise ClientException(
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
            )
        names = [variable.get("name") for variable in (*secrets, *(container.get("environment") or ()))]
        for secret in secrets:
            if names.count(secret.get("name")) > 1:
                raise ClientException(
                    "The secret name must be unique and not shared with any new or existing environment variables set "
                    f"on the container, such as '{secret.get('name')}'."
                )


def _check_proxy(request: Mapping[str, Any], containers: Sequence[Mapping[str, Any]]) -> None:
    proxy = request.get("proxyConfiguration")
    if not proxy:
        return
    if request.get("networkMode") != "awsvpc":
        raise ClientException("APPMESH proxy configuration is only supported in networkMode=awsvpc")
    name = proxy.get("containerName")
    if name not in [container.get("name") for container in containers]:
        raise ClientException(f"Proxy container [{name}] does not exist")
