"""The waiting line of tasks: some run, the rest wait for their turn, first come, first served."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from .models import Task

LOG = logging.getLogger(__name__)


class TaskQueue:
    """Runs at most ``limit`` tasks at a time, each in a thread of its own."""

    def __init__(self, limit: int, run: Callable[[Task], None]) -> None:
        self._limit = limit
        self._run = run
        self._waiting: deque[Task] = deque()
        self._running = 0
        self._lock = threading.Lock()

    def submit(self, task: Task) -> None:
        """Run the task as soon as there is room."""
        with self._lock:
            self._waiting.append(task)
        self._fill()

    def withdraw(self, task: Task) -> bool:
        """Take a waiting task out of the line; returns whether it was still waiting."""
        with self._lock:
            try:
                self._waiting.remove(task)
            except ValueError:
                return False
            return True

    def withdraw_all(self) -> list[Task]:
        """Take all waiting tasks out of the line."""
        with self._lock:
            tasks = list(self._waiting)
            self._waiting.clear()
            return tasks

    def _fill(self) -> None:
        with self._lock:
            while self._waiting and self._running < self._limit:
                task = self._waiting[0]
                thread = threading.Thread(target=self._run_one, args=[task], name=f"fargate-{task.id}", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the machine has no room for another thread: the next task to end tries again
                    LOG.warning("No thread for task %s yet", task.id)
                    return
                self._waiting.popleft()
                self._running += 1

    def _run_one(self, task: Task) -> None:
        try:
            self._run(task)
        finally:
            with self._lock:
                self._running -= 1
            self._fill()
