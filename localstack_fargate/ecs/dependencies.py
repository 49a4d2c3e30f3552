"""In which order the containers of a task start and stop: ``dependsOn``.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html
"""

import time
from collections.abc import Iterable, Mapping

from .models import Container

DEFAULT_START_TIMEOUT = 180  # seconds, Fargate's


class DependencyNotResolved(Exception):
    """A container can never start, because another did not get into the condition that it waits for."""


def may_start(container: Container, task: Mapping[str, Container]) -> bool:
    """Whether all that the container depends on is as it wants it; ``task`` has all containers by name.

    Raises ``DependencyNotResolved`` if that cannot happen any more.
    """
    met = [
        _is_met(task[name], condition) for name, condition in _dependencies(container)
    ]  # each is asked: it may raise
    return all(met)


def seconds_to_start(waiting: Iterable[Container], task: Mapping[str, Container]) -> float | None:
    """How long the containers may go on waiting for others that run, None for as long as they like.

    It is the ``startTimeout`` of those waited for. Raises ``DependencyNotResolved`` if one has taken too long.
    """
    left = None
    for container in waiting:
        for name, condition in _dependencies(container):
            awaited = task[name]
            if awaited.started_at is None or _is_met(awaited, condition):
                continue
            timeout = float(awaited.definition.get("startTimeout") or DEFAULT_START_TIMEOUT)
            seconds = awaited.started_at + timeout - time.monotonic()
            if seconds <= 0:
                raise DependencyNotResolved(f"container {name} was not {condition} within {timeout:g} seconds")
            left = seconds if left is None else min(left, seconds)
    return left


def may_stop(container: Container, running: Iterable[Container]) -> bool:
    """Whether no container that still runs depends on this one: tasks stop in the reverse order."""
    return not any(name == container.name for other in running for name, _ in _dependencies(other))


def _dependencies(container: Container) -> list[tuple[str, str]]:
    return [(each["containerName"], each["condition"]) for each in container.definition.get("dependsOn") or ()]


def _is_met(awaited: Container, condition: str) -> bool:
    has_stopped = awaited.last_status == "STOPPED"
    match condition:
        case "START":
            return awaited.started_at is not None
        case "COMPLETE":
            return has_stopped
        case "SUCCESS":
            if has_stopped and awaited.exit_code != 0:
                raise DependencyNotResolved(f"container {awaited.name} did not exit successfully")
            return has_stopped
        case _:
            if has_stopped:
                raise DependencyNotResolved(f"container {awaited.name} stopped before it was healthy")
            return awaited.health_status == "HEALTHY"
