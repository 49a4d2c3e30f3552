"""A task's life from PROVISIONING to STOPPED.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

import contextlib
import logging
import math
import queue
import threading
import time
from functools import partial

from ..launchers.base import ContainerSpec, Exit, Launcher, LaunchError, RunningContainer, Sandbox
from ..task_endpoint.server import TaskEndpoint
from .dependencies import DependencyNotResolved, may_start, may_stop, seconds_to_start
from .environment import container_environment
from .health import HealthCheck
from .logs import AwsLogs, NoLogs, open_logs
from .models import Container, Task, now
from .not_emulated import check_volumes
from .specs import container_spec, task_spec

LOG = logging.getLogger(__name__)

DEFAULT_STOP_TIMEOUT = 30
MAX_STOP_TIMEOUT = 120  # Fargate's maximum


class TaskRun:
    """One task while it has a place to run. ``run`` goes through its whole life; the other methods end it early."""

    def __init__(self, task: Task, launcher: Launcher, endpoint: TaskEndpoint) -> None:
        self.task = task
        self._launcher = launcher
        self._endpoint = endpoint
        self._sandbox: Sandbox | None = None
        self._containers = {container.name: container for container in task.containers}
        self._specs: dict[str, ContainerSpec] = {}
        self._running: dict[str, RunningContainer] = {}
        self._logs: dict[str, AwsLogs | NoLogs] = {}
        self._health_checks: dict[str, HealthCheck] = {}
        self._exits: queue.SimpleQueue[tuple[Container, Exit] | None] = queue.SimpleQueue()
        self._kill_now = threading.Event()

    def run(self) -> None:
        """Start the task's containers, see them end, and leave the task STOPPED, whatever happens."""
        task = self.task
        try:
            if task.network is not None:
                task.network.attach(task.cluster_arn)
            task.update("PENDING", "connectivityAt")
            if task.desired_status == "RUNNING":
                self._prepare()
                self._supervise()
        except DependencyNotResolved as error:
            LOG.info("Task %s: %s", task.id, error)
            task.request_stop("TaskFailedToStart", f"TaskFailedToStart: {error}")
        except LaunchError as error:
            task.request_stop("TaskFailedToStart", str(error))
        except Exception as error:
            LOG.exception("Task %s failed to start", task.id)
            task.request_stop("TaskFailedToStart", f"InternalError: {error}")
        try:
            with contextlib.ExitStack() as whatever_happens:  # which goes from the last of these to the first
                whatever_happens.callback(self._close_sandbox)
                whatever_happens.callback(self._close_logs)
                whatever_happens.callback(self._endpoint.unregister, task)
                whatever_happens.callback(self._kill_the_rest)
                self._stop()
        except Exception:
            LOG.exception("Task %s was not stopped in order", task.id)
        finally:
            finish(task)

    def wake(self) -> None:
        """Look at the task again: somebody has asked for its end, or a container's health has changed."""
        self._exits.put(None)

    def kill(self) -> None:
        """End the task without giving its containers any more time."""
        self._kill_now.set()
        self.wake()

    def _prepare(self) -> None:
        task = self.task
        check_volumes(task.definition)
        self._endpoint.register(task)
        for container in task.containers:
            environment = container_environment(task, container, self._endpoint)
            self._specs[container.name] = container_spec(task, container, environment)
        for name, spec in self._specs.items():
            self._logs[name] = open_logs(task, spec)
        task.update(None, "pullStartedAt")
        self._sandbox = self._launcher.prepare(task_spec(task, self._specs.values()))
        task.update("ACTIVATING", "pullStoppedAt")

    def _supervise(self) -> None:
        """Start each container as soon as it may, and return when the task has a reason to stop."""
        task = self.task
        waiting = list(task.containers)
        while task.desired_status == "RUNNING" and not self._kill_now.is_set():
            ready = next((each for each in waiting if may_start(each, self._containers)), None)
            if ready is not None:
                self._start(ready)  # which may be what the next one waits for
                waiting.remove(ready)
                continue
            if not waiting and task.last_status != "RUNNING":
                task.update("RUNNING", "startedAt")
            ended = self._next_exit(seconds_to_start(waiting, self._containers))
            if ended and ended.essential:
                task.request_stop("EssentialContainerExited", "Essential container in task exited")

    def _start(self, container: Container) -> None:
        assert self._sandbox is not None  # noqa: S101 - for the type checker: it was prepared
        name = container.name
        running = self._sandbox.start(self._specs[name], self._logs[name], partial(self._on_exit, container))
        self._running[name] = running
        with self.task.lock:
            container.running = running
            container.started_at = time.monotonic()
            container.last_status = "RUNNING"
            container.times["startedAt"] = now()
            self.task.update()
        if container.health_check is not None:
            on_status = partial(self._on_health, container)
            self._health_checks[name] = HealthCheck(container.health_check, running, on_status)

    def _on_exit(self, container: Container, ending: Exit) -> None:
        self._exits.put((container, ending))

    def _on_health(self, container: Container, status: str) -> None:
        with self.task.lock:
            if container.last_status == "RUNNING":
                container.health_status = status
                container.times["healthChangedAt"] = now()
                self.task.update()
        self.wake()

    def _next_exit(self, timeout: float | None) -> Container | None:
        """Wait for the next container to end, or for ``wake``, and note how it ended."""
        try:
            event = self._exits.get(timeout=timeout)
        except queue.Empty:
            return None
        if event is None:
            return None
        container, ending = event
        del self._running[container.name]
        if container.name in self._health_checks:
            self._health_checks.pop(container.name).close()
        self._logs.pop(container.name).close()
        with self.task.lock:
            container.last_status = "STOPPED"
            container.exit_code = ending.code
            container.reason = ending.reason
            container.times["finishedAt"] = now()
            self.task.update()
        return container

    def _stop(self) -> None:
        task = self.task
        task.update("DEACTIVATING")
        task.update("STOPPING")
        deadlines: dict[str, float] = {}  # of those that were asked to stop; infinite once they were killed
        while self._running:
            still_running = [self._containers[name] for name in self._running]
            for container in still_running:
                name, running = container.name, self._running[container.name]
                if name not in deadlines and (self._kill_now.is_set() or may_stop(container, still_running)):
                    running.stop()
                    deadlines[name] = time.monotonic() + _stop_timeout(container)
                if name in deadlines and (self._kill_now.is_set() or deadlines[name] <= time.monotonic()):
                    running.kill()
                    deadlines[name] = math.inf
            next_deadline = min(deadlines.get(name, math.inf) for name in self._running)
            self._next_exit(None if math.isinf(next_deadline) else max(0.0, next_deadline - time.monotonic()))
        task.update("DEPROVISIONING", "executionStoppedAt")

    def _kill_the_rest(self) -> None:
        """Kill what still runs, which is nothing if the task was stopped in order."""
        with contextlib.ExitStack() as each:
            for running in self._running.values():
                each.callback(running.kill)
            for health_check in self._health_checks.values():
                each.callback(health_check.close)

    def _close_logs(self) -> None:
        with contextlib.ExitStack() as each:
            for logs in self._logs.values():
                each.callback(logs.close)

    def _close_sandbox(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()


def _stop_timeout(container: Container) -> float:
    timeout = container.definition.get("stopTimeout")
    return min(float(DEFAULT_STOP_TIMEOUT if timeout is None else timeout), MAX_STOP_TIMEOUT)


def finish(task: Task) -> None:
    """Leave a task STOPPED whose containers are gone or never were, without what only running ones need."""
    with task.lock:
        for container in task.containers:
            container.last_status = "STOPPED"
            container.running = None  # it may know the container's secrets, and the task is shown for an hour
        if task.network is not None:
            task.network.delete()
        task.desired_status = "STOPPED"
        task.update("STOPPED", "stoppedAt")
