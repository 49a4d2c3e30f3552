"""A long video asks for more CPU, as long as there is more to be had."""

import pytest

from worker.errors import InsufficientCpu
from worker.sizing import require_enough_cpu
from worker.task import Task

HOURS = 3600
FULL_HD = 1920 * 1080 * 30.0  # pixels of a second
SMALLEST = Task(vcpus=0.25, memory_mb=512)


@pytest.mark.parametrize(
    ("hours", "largest", "memory"),
    [(0.25, 8192, 1024), (0.5, 8192, 2048), (1, 8192, 4096), (2, 8192, 8192), (24, 8192, 8192), (2, 2048, 2048)],
)
def test_a_task_is_asked_for_that_is_done_in_time(hours: float, largest: int, memory: int) -> None:
    with pytest.raises(InsufficientCpu) as caught:
        require_enough_cpu(SMALLEST, hours * HOURS * FULL_HD, 6 * HOURS, largest)
    asked = caught.value.memory_mb
    assert asked == memory
    assert caught.value.as_record()["memory_mb"] == asked
    # There it begins, and asks for no other.
    require_enough_cpu(Task(vcpus=memory / 2048, memory_mb=memory), hours * HOURS * FULL_HD, 6 * HOURS, largest)


@pytest.mark.parametrize(
    ("vcpus", "memory", "hours", "asked"),
    [(0.25, 2048, 0.25, 4096), (0.5, 4096, 0.5, 8192), (1, 3072, 1, 4096), (1, 4096, 1, 8192), (2, 6144, 2, 8192)],
)
def test_a_first_task_may_have_more_memory_for_its_cpu(vcpus: float, memory: int, hours: float, asked: int) -> None:
    """Only a task with more memory is a larger one to the state machine."""
    with pytest.raises(InsufficientCpu) as caught:
        require_enough_cpu(Task(vcpus=vcpus, memory_mb=memory), hours * HOURS * FULL_HD, 6 * HOURS, 8192)
    assert caught.value.memory_mb == asked


@pytest.mark.parametrize(
    ("task", "timeout", "largest"),
    [
        (Task(), 1, 8192),
        (SMALLEST, None, 8192),
        (SMALLEST, 1, None),
        (SMALLEST, 1, 512),
        (SMALLEST, 24 * HOURS, 8192),
        (Task(vcpus=1, memory_mb=8192), 1, 8192),
        (Task(vcpus=1, memory_mb=3072), 1, 2048),
    ],
)
def test_it_begins_where_no_other_would_be_better(task: Task, timeout: int | None, largest: int | None) -> None:
    require_enough_cpu(task, 0.5 * HOURS * FULL_HD, timeout, largest)
