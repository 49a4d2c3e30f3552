"""A task's size as limits of its containers."""

from collections.abc import Mapping
from typing import Any

from ..base import TaskSpec

MIB = 1024 * 1024
UNITS_PER_VCPU = 1024
MIN_CPU_SHARES = 2  # the kernel's
NANO = 1_000_000_000


def memory_limits(task: TaskSpec, definition: Mapping[str, Any]) -> dict[str, int]:
    """Members of Docker's HostConfig: at most the task's memory, and no swap, of which Fargate has none."""
    hard = min(int(definition.get("memory") or task.memory), task.memory) * MIB
    limits = {"Memory": hard, "MemorySwap": hard}
    if soft := definition.get("memoryReservation"):
        limits["MemoryReservation"] = min(int(soft) * MIB, hard)
    return limits


def cpu_limits(task: TaskSpec, definition: Mapping[str, Any], most_vcpus: int | None) -> dict[str, int]:
    """Members of Docker's HostConfig: shares when the machine is busy, and a ceiling unless ``most_vcpus`` is None.

    A single container has the task's shares. Of several each has what its ``cpu`` says, and those that say nothing
    share alike what is left. The ceiling is the task's for each of its containers, as on Fargate, where ``cpu`` is not
    a ceiling; ``most_vcpus`` are those of the machine, of which the engine refuses to give out more.
    """
    units = task.cpu * UNITS_PER_VCPU
    if len(task.containers) > 1:
        said = [int(container.definition.get("cpu") or 0) for container in task.containers]
        left = max(units - sum(said), 0)
        units = int(definition.get("cpu") or 0) or left / max(said.count(0), 1)
    limits = {"CpuShares": max(round(units), MIN_CPU_SHARES)}
    if most_vcpus is not None:
        limits["NanoCpus"] = round(min(task.cpu, most_vcpus) * NANO)
    return limits
