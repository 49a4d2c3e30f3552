"""The memory of a task as a whole, where the engine has limits for its containers only.

A cgroup for the task, which would be the kernel's way, cannot be made through Docker's API on every machine.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from ..base import TaskSpec
from .limits import MIB, memory_limits

LOG = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0
REQUEST_SECONDS = 0.02  # from one request to the next: the engine has better things to do


def may_exceed(task: TaskSpec) -> bool:
    """Whether the containers' own limits leave room for more than the task's memory."""
    return sum(memory_limits(task, each.definition)["Memory"] for each in task.containers) > task.memory * MIB


class Watched(Protocol):
    """A container of a task, running or not."""

    def statistics(self) -> Mapping[str, Any] | None:
        """As Docker's API gives it, None if there is nothing to tell."""

    def kill_for_memory(self) -> None:
        """Kill it because its task has no memory left."""


class MemoryWatch:
    """Kills the container that has the most when a task has more than its memory; one thread looks at all tasks.

    ``containers`` of a task are asked for each time, for they are started one by one.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, tuple[TaskSpec, Callable[[], Iterable[Watched]]]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._watch, name="fargate-memory", daemon=True).start()

    def add(self, task: TaskSpec, containers: Callable[[], Iterable[Watched]]) -> None:
        """Watch the task."""
        with self._lock:
            self._tasks[task.task_id] = task, containers

    def remove(self, task: TaskSpec) -> None:
        """Watch the task no more; it need not have been watched."""
        with self._lock:
            self._tasks.pop(task.task_id, None)

    def _watch(self) -> None:
        while True:
            time.sleep(INTERVAL_SECONDS)
            with self._lock:
                tasks = list(self._tasks.values())
            for task, containers in tasks:
                try:
                    _check(task, containers())
                except Exception:
                    LOG.exception("The memory of task %s is not known", task.task_id)


def _check(task: TaskSpec, containers: Iterable[Watched]) -> None:
    used: dict[Watched, int] = {}
    for container in containers:
        used[container] = memory_in_use(container.statistics())
        time.sleep(REQUEST_SECONDS)
    if sum(used.values()) > task.memory * MIB:
        LOG.info("Task %s is out of memory", task.task_id)
        max(used, key=lambda container: used[container]).kill_for_memory()


def memory_in_use(statistics: Mapping[str, Any] | None) -> int:
    """Bytes that a container has, without the files that the kernel could forget at any time."""
    memory = (statistics or {}).get("memory_stats") or {}
    details = memory.get("stats") or {}
    files = details.get("total_inactive_file", details.get("inactive_file", 0))  # cgroups of version 1, and 2
    return int(memory.get("usage", 0)) - int(files)
