"""How many CPUs and how much memory this process and its children may use: the least of all that limit them.

A container's limits are those of its control groups, of either version, and of all groups above that it can see. On
Fargate the limits are the task's, in a group that its containers do not see; ECS's metadata endpoint tells them.

https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/memory.html,
https://docs.kernel.org/scheduler/sched-bwc.html
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.task import Task  # which loads urllib: the engine, and work on files, have no use for it

MIB = 1 << 20
_SELF = Path("/proc/self")


@dataclass(frozen=True)
class Resources:
    """What may be used.

    Attributes:
        cpus: A quarter of one is 0.25.
        memory: Bytes.
    """

    cpus: float
    memory: int


def available(task: "Task | None" = None, process: Path = _SELF) -> Resources:
    """Return what this process and its children may use together.

    Args:
        task: The ECS task it runs in.
        process: The process's folder in /proc.
    """
    cpus = [float(os.process_cpu_count() or 1), *_cpu_quotas(process)]
    memory = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), *_memory_limits(process)]
    if task and task.vcpus is not None:
        cpus.append(task.vcpus)
    if task and task.memory_mb is not None:
        memory.append(task.memory_mb * MIB)
    return Resources(min(cpus), min(memory))


def _cpu_quotas(process: Path) -> Iterator[float]:
    for group in _control_groups(process, "cpu"):
        version_1 = [*_words(group / "cpu.cfs_quota_us"), *_words(group / "cpu.cfs_period_us")]
        for quota_and_period in (_words(group / "cpu.max"), version_1):
            if len(quota_and_period) == 2 and quota_and_period[0] not in ("max", "-1"):
                quota, period = map(int, quota_and_period)
                yield quota / period


def _memory_limits(process: Path) -> Iterator[int]:
    for group in _control_groups(process, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):  # without a limit: "max", and a number beyond all machines
            limit = _words(group / name)
            if limit and limit != ["max"]:
                yield int(limit[0])


def _control_groups(process: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of a process's groups that may limit it, each followed by those above it."""
    own: dict[str, str] = {}
    for line in _lines(process / "cgroup"):
        _, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(controllers.split(","), path))
    for line in _lines(process / "mountinfo"):
        before, _, after = line.partition(" - ")
        _, _, _, root, mount_point, *_ = before.split()
        kind, _, options = after.split()[:3]
        version_1 = kind == "cgroup" and controller in options.split(",")
        if not version_1 and kind != "cgroup2":
            continue
        if (name := own.get(controller if version_1 else "")) is not None:
            # In a container, the root of the mount may be a group far below the machine's: the container's own.
            below = PurePosixPath(name).relative_to(root) if PurePosixPath(name).is_relative_to(root) else ""
            group = Path(mount_point) / below
            yield from (group, *[each for each in group.parents if each.is_relative_to(mount_point)])


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
