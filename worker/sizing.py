"""Whether a task has the CPU to be done with a video in the time of an attempt; else a larger one does it: ADR 6."""

from worker.errors import InsufficientCpu
from worker.task import Task

# The slowest that was measured: `best` with 10 bits. Most videos take a quarter of that time, and being wrong costs
# nothing: twice the CPU costs twice as much for half as long.
PIXELS_PER_CPU_SECOND = 9_000_000
LARGER_TASKS = ((1024, 0.5), (2048, 1.0), (4096, 2.0), (8192, 4.0))
"""MB and vCPU of the tasks that the state machine moves a job to, by its memory alone."""


def require_enough_cpu(task: Task, pixels: float, timeout_seconds: int | None, largest_mb: int | None) -> None:
    """Check that a task can be done with a video in time, unless there is no larger one.

    Args:
        pixels: Of all frames together.
        timeout_seconds: What an attempt may take; None where nobody says.
        largest_mb: Memory of the largest task that there may be; None likewise.

    Raises:
        InsufficientCpu: With the memory of the task that can.
    """
    had, memory_mb = task.vcpus, task.memory_mb
    if had is None or memory_mb is None or timeout_seconds is None or largest_mb is None:
        return
    cpu_seconds = pixels / PIXELS_PER_CPU_SECOND
    wanted = cpu_seconds / timeout_seconds
    # The first task is whatever pair of TaskCpu and TaskMemory was deployed: more memory need not be more CPU.
    larger = [(mb, vcpus) for mb, vcpus in LARGER_TASKS if memory_mb < mb <= largest_mb and vcpus > had]
    if wanted <= had or not larger:
        return
    raise InsufficientCpu(
        f"The video may take {cpu_seconds / had / 3600:.1f} hours in {had:g} vCPU, "
        f"but an attempt {timeout_seconds / 3600:.1f}.",
        memory_mb=next((mb for mb, vcpus in larger if vcpus >= wanted), larger[-1][0]),
    )
