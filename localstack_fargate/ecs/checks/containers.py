"""RegisterTaskDefinition: each container by itself, on whatever it shall run."""

import re
from collections.abc import Mapping
from typing import Any

from ..exceptions import ClientException, InvalidParameterException

MIN_MEMORY_MIB = 4
MAX_PORT = 65535
MAX_ENVIRONMENT_FILES = 10
PROTOCOLS = ("tcp", "udp")
S3_ARN = re.compile(r"arn:aws[\w-]*:s3:::[^/]+/.+")
# Smallest and greatest value, by parameter.
HEALTH_CHECK = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "startPeriod": (0, 300)}
RESTART_ATTEMPT_PERIOD = (60, 1800)


def check_container(container: Mapping[str, Any]) -> None:
    """Raise ``ClientException`` if the container could run nowhere."""
    _check_text(container, "name", r"[a-zA-Z0-9_-]{1,255}")
    _check_text(container, "image", r"[a-zA-Z0-9_:./#@-]{1,255}")
    _check_memory(container)
    _check_ports(container)
    _check_health(container)
    _check_environment_files(container)
    _check_restarts(container)
    for ulimit in container.get("ulimits") or ():
        if (ulimit.get("softLimit") or 0) > (ulimit.get("hardLimit") or 0):
            raise ClientException(
                f"The soft limit of ulimit '{ulimit.get('name')}' of container '{container['name']}' is greater than "
                "its hard limit."
            )
    if (container.get("stopTimeout") or 0) < 0 or (container.get("startTimeout") or 0) < 0:
        raise ClientException(f"The timeouts of container '{container['name']}' must not be negative.")


def _check_text(container: Mapping[str, Any], key: str, pattern: str) -> None:
    text = container.get(key)
    if not text:
        raise ClientException(f"Container.{key} should not be null or empty.")
    if not re.fullmatch(pattern, text):
        raise ClientException(f"Container.{key} contains invalid characters.")


def _check_memory(container: Mapping[str, Any]) -> None:
    memory, reservation = container.get("memory"), container.get("memoryReservation")
    invalid = f"Invalid setting for container '{container['name']}'."
    for key, value in (("memory", memory), ("memoryReservation", reservation)):
        if value is not None and value < MIN_MEMORY_MIB:
            raise ClientException(f"{invalid} '{key}' must be at least {MIN_MEMORY_MIB}.")
    if memory and reservation and memory < reservation:
        raise ClientException(f"{invalid} 'memory' must be greater than or equal to 'memoryReservation'.")
    if (container.get("cpu") or 0) < 0:
        raise ClientException(f"{invalid} 'cpu' must not be negative.")


def _check_ports(container: Mapping[str, Any]) -> None:
    used = set()
    name = container["name"]
    for mapping in container.get("portMappings") or ():
        port, protocol = mapping.get("containerPort"), mapping.get("protocol") or "tcp"
        if protocol not in PROTOCOLS:
            raise ClientException(f"Invalid 'protocol' setting for container '{name}'.")
        if mapping.get("containerPortRange"):
            if port or mapping.get("hostPort"):
                raise ClientException(
                    f"Invalid port mapping for container '{name}', cannot specify both single port and port range."
                )
            continue
        if not port or not 1 <= port <= MAX_PORT:
            raise ClientException(f"Invalid 'containerPort' setting for container '{name}'.")
        if not 0 <= (mapping.get("hostPort") or 0) <= MAX_PORT:
            raise ClientException(f"Invalid 'hostPort' setting for container '{name}'.")
        if (port, protocol) in used:
            raise InvalidParameterException(
                f"Container port {port} is used in more than one port mapping for container {name}"
            )
        used.add((port, protocol))


def _check_health(container: Mapping[str, Any]) -> None:
    check = container.get("healthCheck")
    if check is None:
        return
    if not check.get("command"):
        raise ClientException(f"Health check command must not be empty for container '{container['name']}'")
    for key, (least, greatest) in HEALTH_CHECK.items():
        value = check.get(key)
        if value is not None and value < least:
            raise ClientException(
                f"Health check {key} must be greater than or equal to the minimum allowed value {least} "
                f"for container '{container['name']}'"
            )
        if value is not None and value > greatest:
            raise ClientException(
                f"Health check {key} must be less than or equal to the maximum allowed value {greatest} "
                f"for container '{container['name']}'"
            )


def _check_environment_files(container: Mapping[str, Any]) -> None:
    files = container.get("environmentFiles") or ()
    if len(files) > MAX_ENVIRONMENT_FILES:
        raise ClientException(
            "The maximum number of environment files was exceeded. Specify ten or less and try again."
        )
    for file in files:
        if file.get("type") != "s3":
            raise ClientException("The only type of environment files is s3.")
        if not S3_ARN.fullmatch(file.get("value") or ""):
            raise ClientException("Invalid arn syntax.")


def _check_restarts(container: Mapping[str, Any]) -> None:
    period = (container.get("restartPolicy") or {}).get("restartAttemptPeriod")
    least, greatest = RESTART_ATTEMPT_PERIOD
    if period is not None and not least <= period <= greatest:
        raise ClientException(
            f"The 'restartAttemptPeriod' setting for container '{container['name']}' must be between {least} and "
            f"{greatest}."
        )
