"""RegisterTaskDefinition: what Fargate wants, and what it does not have."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..exceptions import ClientException
from .fargate_sizes import UNITS_PER_VCPU, check_fargate_size, cpu_units, memory_mib, no_such_size
from .log_configuration import check_fargate_logs

ARCHITECTURES = ("X86_64", "ARM64")
OPERATING_SYSTEMS = (
    "LINUX",
    "WINDOWS_SERVER_2019_CORE",
    "WINDOWS_SERVER_2019_FULL",
    "WINDOWS_SERVER_2022_CORE",
    "WINDOWS_SERVER_2022_FULL",
    "WINDOWS_SERVER_2025_CORE",
    "WINDOWS_SERVER_2025_FULL",
)
ECR_IMAGE = re.compile(r"\d{12}\.dkr\.ecr[.\w-]*\.amazonaws\.com/.*")
MAX_TIMEOUT = 120
LINUX_PARAMETERS = ("devices", "sharedMemorySize", "tmpfs", "maxSwap", "swappiness")


def check_fargate(request: Mapping[str, Any]) -> None:
    """Raise ``ClientException`` if Fargate could not run the definition (which is valid otherwise)."""
    if request.get("networkMode") != "awsvpc":
        raise ClientException("Fargate only supports network mode ‘awsvpc’.")  # ECS's own quotation marks
    _check_task(request)
    _check_size(request)
    for container in request["containerDefinitions"]:
        _check_container(container)
    _check_images(request)
    check_fargate_logs(request)


def _check_task(request: Mapping[str, Any]) -> None:
    if request.get("ipcMode"):
        raise _unsupported("ipcMode")
    pid_mode = request.get("pidMode")
    if pid_mode and pid_mode != "task":
        raise ClientException(
            f"Tasks using the Fargate launch type do not support pidMode '{pid_mode}'. "
            "The supported value for pidMode is 'task'."
        )
    if request.get("placementConstraints"):
        raise _unsupported("constraints")
    for volume in request.get("volumes") or ():
        if (volume.get("host") or {}).get("sourcePath"):
            raise _unsupported("sourcePath")
        if volume.get("dockerVolumeConfiguration"):
            raise _unsupported("dockerVolumeConfiguration")
    platform = request.get("runtimePlatform") or {}
    _check_platform(platform.get("cpuArchitecture"), ARCHITECTURES, "CPU architecture")
    _check_platform(platform.get("operatingSystemFamily"), OPERATING_SYSTEMS, "operating system family")


def _check_platform(value: str | None, allowed: Sequence[str], name: str) -> None:
    if value is not None and value not in allowed:
        raise ClientException(f"{value} is not a valid {name}. Must be one of [{','.join(allowed)}]")


def _check_size(request: Mapping[str, Any]) -> None:
    for key in ("cpu", "memory"):
        if not request.get(key):
            raise ClientException(f"Fargate requires that '{key}' be defined at the task level.")
    cpu = cpu_units(request["cpu"], ClientException)
    memory = memory_mib(request["memory"], ClientException)
    check_fargate_size(cpu, memory, ClientException)
    system = (request.get("runtimePlatform") or {}).get("operatingSystemFamily") or "LINUX"
    if system != "LINUX" and cpu < UNITS_PER_VCPU:
        raise no_such_size(cpu, memory, ClientException)


def _check_container(container: Mapping[str, Any]) -> None:
    name = container["name"]
    if container.get("privileged"):
        raise ClientException("Fargate requires that the ‘privileged’ setting be ‘false’ at the container level.")
    if container.get("dockerSecurityOptions"):
        raise _unsupported("dockerSecurityOptions")
    linux = container.get("linuxParameters") or {}
    for key in LINUX_PARAMETERS:
        if linux.get(key) not in (None, []):
            raise _unsupported(key)
    for capability in (linux.get("capabilities") or {}).get("add") or ():
        if capability != "SYS_PTRACE":
            raise ClientException(f"{capability} is not allowed on Fargate.")
    if any(requirement.get("type") == "GPU" for requirement in container.get("resourceRequirements") or ()):
        raise ClientException("Tasks using the Fargate launch type do not support GPU resource requirements.")
    for ulimit in container.get("ulimits") or ():
        if ulimit.get("name") != "nofile":
            raise ClientException(f"Fargate does not support the ulimit {ulimit.get('name')}, only nofile.")
    for key in ("startTimeout", "stopTimeout"):
        if (container.get(key) or 0) > MAX_TIMEOUT:
            raise ClientException(f"The '{key}' setting for container '{name}' must be at most {MAX_TIMEOUT}.")


def _check_images(request: Mapping[str, Any]) -> None:
    images = [container["image"] for container in request["containerDefinitions"]]
    if not request.get("executionRoleArn") and any(ECR_IMAGE.fullmatch(image) for image in images):
        raise ClientException("Fargate requires task definition to have execution role ARN to support ECR images.")


def _unsupported(name: str) -> ClientException:
    return ClientException(f"Fargate compatible task definitions do not support {name}")
