"""Whether a task has the CPU to be done with a video in the time of an attempt; else a larger one does it: ADR 6."""

from math import ceil

from worker.errors import InsufficientCpu
from worker.task import Task

# The slowest that was measured: `best` with 10 bits. Most videos take a quarter of that time, and being wrong costs
# nothing: twice the CPU costs twice as much for half as long.
PIXELS_PER_CPU_SECOND = 9_000_000
MB_PER_VCPU = 2048  # of all sizes that the template has


def require_enough_cpu(task: Task, pixels: float, timeout_seconds: int | None, largest_mb: int | None) -> None:
    """Check that a task can be done with a video in time, unless there is no larger one.

    Args:
        pixels: Of all frames together.
        timeout_seconds: What an attempt may take; None where nobody says.
        largest_mb: Memory of the largest task that there may be; None likewise.

    Raises:
        InsufficientCpu: With the memory of the task that can.
    """
    if task.vcpus is None or task.memory_mb is None or timeout_seconds is None or largest_mb is None:
        return
    cpu_seconds = pixels / PIXELS_PER_CPU_SECOND
    wanted = min(ceil(cpu_seconds / timeout_seconds * MB_PER_VCPU), largest_mb)
    if cpu_seconds > timeout_seconds * task.vcpus and wanted > task.memory_mb:
        raise InsufficientCpu(
            f"The video may take {cpu_seconds / task.vcpus / 3600:.1f} hours in {task.vcpus:g} vCPU, "
            f"but an attempt {timeout_seconds / 3600:.1f}.",
            memory_mb=wanted,
        )
