"""RunTask's overrides of a task definition."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..definitions import TaskDefinition
from ..exceptions import InvalidParameterException
from .ephemeral_storage import check_ephemeral_storage
from .fargate_sizes import check_fargate_size, cpu_units, memory_mib
from .values import first_duplicate

MAX_CHARACTERS = 8192


def check_overrides(overrides: Mapping[str, Any], definition: TaskDefinition) -> None:
    """Raise ``InvalidParameterException`` if the definition cannot be run with these overrides."""
    # ECS counts the characters of its own JSON, punctuation and all.
    if len(json.dumps(overrides, separators=(",", ":"), ensure_ascii=False)) > MAX_CHARACTERS:
        raise InvalidParameterException(f"Container Overrides length must be at most {MAX_CHARACTERS}")
    containers = overrides.get("containerOverrides") or ()
    known = {container["name"]: container for container in definition.containers}
    for override in containers:
        if not override.get("name"):
            raise InvalidParameterException("Container override must have a name.")
        if override["name"] not in known:
            raise InvalidParameterException(
                f"Override for container named {override['name']} is not a container in the TaskDefinition."
            )
    if duplicate := first_duplicate(override["name"] for override in containers):
        raise InvalidParameterException(f"There is more than one override for the container named {duplicate}.")
    check_ephemeral_storage(overrides.get("ephemeralStorage"), InvalidParameterException)
    cpu = cpu_units(overrides.get("cpu") or definition.cpu, InvalidParameterException)
    memory = memory_mib(overrides.get("memory") or definition.memory, InvalidParameterException)
    check_fargate_size(cpu, memory, InvalidParameterException)
    overridden = [{**known[name], **_given(name, containers)} for name in known]
    _check_sizes(overridden, cpu, memory)


def _given(name: str, containers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    override: dict[str, Any] = next((override for override in containers if override["name"] == name), {})
    return {key: override[key] for key in ("cpu", "memory", "memoryReservation") if override.get(key) is not None}


def _check_sizes(containers: list[dict[str, Any]], cpu: int, memory: int) -> None:
    for container in containers:
        name = container["name"]
        if (container.get("memory") or 0) > memory:
            raise InvalidParameterException(
                f"The 'memory' setting for container '{name}' is greater than for the task."
            )
        if container.get("memory") and (container.get("memoryReservation") or 0) > container["memory"]:
            raise InvalidParameterException(
                f"Invalid setting for container '{name}'. "
                "'memory' must be greater than or equal to 'memoryReservation'."
            )
    if sum(container.get("cpu") or 0 for container in containers) > cpu:
        raise InvalidParameterException(
            "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."
        )
