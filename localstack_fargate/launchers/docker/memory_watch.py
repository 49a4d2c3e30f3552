"""The memory of a task as a whole, where the engine has limits for its containers only.

A cgroup for the task, which would be the kernel's way, cannot be made through Docker's API on every machine.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..base import TaskSpec
from .container import DockerContainer
from .limits import MIB, memory_limits

LOG = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0


def may_exceed(task: TaskSpec) -> bool:
    """Whether the containers' own limits leave room for more than the task's memory."""
    return sum(memory_limits(task, each.definition)["Memory"] for each in task.containers) > task.memory * MIB


class MemoryWatch:
    """Kills the container that has the most when a task has more than its memory, until it is closed."""

    def __init__(self, task: TaskSpec, containers: Callable[[], Iterable[DockerContainer]]) -> None:
        self._task = task
        self._containers = containers
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name=f"fargate-memory-{task.task_id}", daemon=True).start()

    def close(self) -> None:
        """Watch no more."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(INTERVAL_SECONDS):
            used = {container: memory_in_use(container.statistics()) for container in self._containers()}
            if sum(used.values()) > self._task.memory * MIB:
                largest = max(used, key=lambda container: used[container])
                LOG.info("Task %s is out of memory", self._task.task_id)
                largest.kill_for_memory()


def memory_in_use(statistics: Mapping[str, Any] | None) -> int:
    """Bytes that a container has, without the files that the kernel could forget at any time."""
    memory = (statistics or {}).get("memory_stats") or {}
    details = memory.get("stats") or {}
    files = details.get("total_inactive_file", details.get("inactive_file", 0))  # cgroups of version 1, and 2
    return int(memory.get("usage", 0)) - int(files)
