"""All tasks of this emulator together: who runs, who waits, and who has to stop."""

import logging
import threading
import time

from ..configuration import Configuration
from ..launchers import create_launcher
from ..task_endpoint.server import TaskEndpoint
from .events import TaskEvents
from .lifecycle import TaskRun, finish
from .models import Task
from .queue import TaskQueue

LOG = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 2  # `docker stop` gives the whole emulator ten
SHUTDOWN = ("TerminationNotice", "The emulator stops")  # stopCode and stoppedReason


class TaskEngine:
    """Runs the tasks that RunTask makes."""

    def __init__(self, configuration: Configuration) -> None:
        self._launcher = create_launcher(configuration)
        self._endpoint = TaskEndpoint(self._launcher)
        self._events = TaskEvents()
        self._queue = TaskQueue(self._launcher.capacity, self._run)
        self._runs: dict[str, TaskRun] = {}
        self._lock = threading.Lock()

    def tell(self, task: Task) -> None:
        """Tell EventBridge of the task's state: what each task's listener is from its beginning."""
        self._events.tell(task)

    def start(self, task: Task) -> None:
        """Run the task when its turn comes."""
        if not self._queue.submit(task):
            _finish_for_shutdown(task)

    def stop(self, task: Task, reason: str | None) -> None:
        """Stop a task as StopTask does, also one that waits; a task that is stopping already stays as it is."""
        self._end(task, "UserInitiated", reason or "Task stopped by user")

    def interrupt(self, task: Task) -> None:
        """Take the capacity of a Spot task back, as AWS does: SIGTERM at once, and SIGKILL after ``stopTimeout``."""
        self._end(task, "SpotInterruption", "Your Spot Task was interrupted.")

    def _end(self, task: Task, stop_code: str, reason: str) -> None:
        task.request_stop(stop_code, reason)
        if self._queue.withdraw(task):
            finish(task)
            return
        with self._lock:
            run = self._runs.get(task.id)
        if run is not None:
            run.wake()

    def shut_down(self) -> None:
        """End all tasks: SIGTERM, and SIGKILL a few seconds later."""
        self._launcher.stop_starting()
        for task in self._queue.close():
            _finish_for_shutdown(task)
        for run in self._current_runs():
            run.task.request_stop(*SHUTDOWN)
            run.wake()
        self._wait_for_runs()
        for run in self._current_runs():
            run.kill()
        self._wait_for_runs()
        self._events.close()
        self._endpoint.close()
        self._launcher.close()

    def _current_runs(self) -> list[TaskRun]:
        with self._lock:
            return list(self._runs.values())

    def _wait_for_runs(self) -> None:
        deadline = time.monotonic() + SHUTDOWN_SECONDS
        while self._current_runs() and time.monotonic() < deadline:
            time.sleep(0.02)

    def _run(self, task: Task) -> None:
        run = TaskRun(task, self._launcher, self._endpoint)
        with self._lock:
            self._runs[task.id] = run
        try:
            run.run()
        finally:
            with self._lock:
                del self._runs[task.id]


def _finish_for_shutdown(task: Task) -> None:
    """End a task that has not begun to run."""
    task.request_stop(*SHUTDOWN)
    finish(task)
