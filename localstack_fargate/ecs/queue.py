"""The waiting line of tasks: some run, the rest wait for their turn, first come, first served."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from ..launchers.base import Capacity
from .models import Task

LOG = logging.getLogger(__name__)


class TaskQueue:
    """Runs as many tasks at a time as there is capacity for, each in a thread of its own."""

    def __init__(self, capacity: Capacity, run: Callable[[Task], None]) -> None:
        self._capacity = capacity
        self._run = run
        self._waiting: deque[Task] = deque()
        self._running: set[Task] = set()
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, task: Task) -> bool:
        """Run the task as soon as there is room; returns False if the line is closed."""
        with self._lock:
            if self._closed:
                return False
            self._waiting.append(task)
        self._fill()
        return True

    def withdraw(self, task: Task) -> bool:
        """Take a waiting task out of the line; returns whether it was still waiting."""
        with self._lock:
            try:
                self._waiting.remove(task)
            except ValueError:
                return False
        self._fill()  # it may have been the one that there was no room for
        return True

    def close(self) -> list[Task]:
        """Run no more tasks; returns those that were waiting."""
        with self._lock:
            self._closed = True
            tasks = list(self._waiting)
            self._waiting.clear()
            return tasks

    def _fill(self) -> None:
        with self._lock:
            while self._waiting and self._has_room(self._waiting[0]):
                task = self._waiting[0]
                thread = threading.Thread(target=self._run_one, args=[task], name=f"fargate-{task.id}", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the machine has no room for another thread: the next task to end tries again
                    LOG.warning("No thread for task %s yet", task.id)
                    return
                self._waiting.popleft()
                self._running.add(task)

    def _has_room(self, task: Task) -> bool:
        if not self._running:  # a task that is larger than all there is has to run somehow
            return True
        if self._capacity.tasks is not None and len(self._running) >= self._capacity.tasks:
            return False
        together = (*self._running, task)
        return _fits(sum(int(each.memory) for each in together), self._capacity.memory) and _fits(
            sum(int(each.cpu) for each in together), self._capacity.cpu
        )

    def _run_one(self, task: Task) -> None:
        try:
            self._run(task)
        finally:
            with self._lock:
                self._running.remove(task)
            self._fill()


def _fits(wanted: int, bound: int | None) -> bool:
    return bound is None or wanted <= bound
