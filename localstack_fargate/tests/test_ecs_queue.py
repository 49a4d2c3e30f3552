"""How many tasks run at a time."""

import threading

import pytest

from localstack_fargate.ecs.models import Task
from localstack_fargate.ecs.queue import TaskQueue
from localstack_fargate.launchers.base import Capacity
from localstack_fargate.tests.kit import poll
from localstack_fargate.tests.task_kit import make_task


@pytest.mark.parametrize(
    ("capacity", "running"),
    [
        (Capacity(tasks=2), 2),
        (Capacity(memory=3 * 512), 3),
        (Capacity(cpu=1024), 4),
        (Capacity(cpu=128), 1),  # a task that is larger than all there is has to run somehow
        (Capacity(), 5),
    ],
    ids=["tasks", "memory", "cpu", "too-large", "unbounded"],
)
def test_as_many_run_as_have_room_and_the_others_when_they_have_ended(capacity: Capacity, running: int) -> None:
    may_end, started = threading.Event(), list[Task]()

    def run(task: Task) -> None:
        started.append(task)
        may_end.wait(30)

    queue = TaskQueue(capacity, run)
    tasks = [make_task() for _ in range(5)]  # of 256 CPU units and 512 MiB
    for task in tasks:
        queue.submit(task)
    poll(lambda: len(started) >= running)
    assert [queue.withdraw(task) for task in reversed(tasks)] == [True] * (5 - running) + [False] * running
    for task in tasks[running:]:
        queue.submit(task)
    may_end.set()
    poll(lambda: len(started) == 5)
