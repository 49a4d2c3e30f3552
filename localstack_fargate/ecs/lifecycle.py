"""A task's life from PROVISIONING to STOPPED.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

import logging
import queue
import threading
import time
from functools import partial

from ..launchers.base import ContainerSpec, Exit, Launcher, LaunchError, RunningContainer, Sandbox, TaskSpec
from ..task_endpoint.server import TaskEndpoint
from .environment import container_environment
from .logs import AwsLogs, NoLogs, open_logs
from .models import Container, Task

LOG = logging.getLogger(__name__)

DEFAULT_STOP_TIMEOUT = 30
MAX_STOP_TIMEOUT = 120  # Fargate's maximum
CPU_UNITS_PER_VCPU = 1024


class TaskRun:
    """One task while it has a place to run. ``run`` goes through its whole life; the other methods end it early."""

    def __init__(self, task: Task, launcher: Launcher, endpoint: TaskEndpoint) -> None:
        self.task = task
        self._launcher = launcher
        self._endpoint = endpoint
        self._sandbox: Sandbox | None = None
        self._running: dict[str, RunningContainer] = {}
        self._logs: dict[str, AwsLogs | NoLogs] = {}
        self._exits: queue.SimpleQueue[tuple[Container, Exit] | None] = queue.SimpleQueue()
        self._kill_now = threading.Event()

    def run(self) -> None:
        """Start the task's containers, see them end, and leave the task STOPPED, whatever happens."""
        task = self.task
        try:
            task.update("PENDING", "connectivityAt")
            if task.desired_status == "RUNNING":
                self._start()
                self._wait_for_reason_to_stop()
        except LaunchError as error:
            task.request_stop("TaskFailedToStart", str(error))
        except Exception as error:
            LOG.exception("Task %s failed to start", task.id)
            task.request_stop("TaskFailedToStart", f"InternalError: {error}")
        try:
            self._stop()
        except Exception:
            LOG.exception("Task %s was not stopped in order", task.id)
            for running in self._running.values():
                running.kill()
        finally:
            finish(task)

    def wake(self) -> None:
        """Look at the task's desiredStatus: somebody has asked for its end."""
        self._exits.put(None)

    def kill(self) -> None:
        """End the task without giving its containers any more time."""
        self._kill_now.set()
        self.wake()

    def _start(self) -> None:
        task = self.task
        self._endpoint.register(task)
        specs = [self._spec(container) for container in task.containers]
        for container, spec in zip(task.containers, specs, strict=True):
            self._logs[container.name] = open_logs(task, spec)
        cpu, memory = int(task.cpu) / CPU_UNITS_PER_VCPU, int(task.memory)
        task.update(None, "pullStartedAt")
        self._sandbox = self._launcher.prepare(TaskSpec(task.id, tuple(specs), cpu, memory))
        task.update("ACTIVATING", "pullStoppedAt")
        for container, spec in zip(task.containers, specs, strict=True):
            if task.desired_status == "STOPPED":
                return
            self._running[container.name] = self._sandbox.start(
                spec, self._logs[container.name], partial(self._on_exit, container)
            )
            container.last_status = "RUNNING"
        task.update("RUNNING", "startedAt")

    def _spec(self, container: Container) -> ContainerSpec:
        environment = container_environment(self.task, container, self._endpoint)
        return ContainerSpec(container.runtime_id, container.definition, environment)

    def _on_exit(self, container: Container, ending: Exit) -> None:
        self._exits.put((container, ending))

    def _wait_for_reason_to_stop(self) -> None:
        """Until an essential container or all containers have ended, or somebody wants the task to stop."""
        task = self.task
        while task.desired_status == "RUNNING" and not self._kill_now.is_set():
            ended = self._next_exit(None)
            if ended and (ended.essential or not self._running):
                task.request_stop("EssentialContainerExited", "Essential container in task exited")

    def _next_exit(self, timeout: float | None) -> Container | None:
        """Wait for the next container to end, or for ``wake``, and note how it ended."""
        try:
            event = self._exits.get(timeout=timeout)
        except queue.Empty:
            return None
        if event is None:
            return None
        container, ending = event
        self._running.pop(container.name, None)
        self._logs.pop(container.name).close()
        with self.task.lock:
            container.last_status = "STOPPED"
            container.exit_code = ending.code
            container.reason = ending.reason
            self.task.update()
        return container

    def _stop(self) -> None:
        task = self.task
        task.update("DEACTIVATING")
        task.update("STOPPING")
        for name, running in self._running.items():
            LOG.debug("Task %s: stopping container %s", task.id, name)
            running.stop()
        started = time.monotonic()
        killed: set[str] = set()
        while self._running:
            left = {name: started + self._stop_timeout(name) - time.monotonic() for name in self._running}
            for name, seconds in left.items():
                if seconds <= 0 and name not in killed:
                    self._running[name].kill()
                    killed.add(name)
            self._next_exit(min((seconds for name, seconds in left.items() if name not in killed), default=None))
        task.update("DEPROVISIONING", "executionStoppedAt")
        self._endpoint.unregister(task)
        for logs in self._logs.values():
            logs.close()
        if self._sandbox is not None:
            self._sandbox.close()

    def _stop_timeout(self, name: str) -> float:
        if self._kill_now.is_set():
            return 0
        definition = next(container.definition for container in self.task.containers if container.name == name)
        timeout = definition.get("stopTimeout")
        return min(float(DEFAULT_STOP_TIMEOUT if timeout is None else timeout), MAX_STOP_TIMEOUT)


def finish(task: Task) -> None:
    """Leave a task STOPPED whose containers are gone or never were."""
    with task.lock:
        for container in task.containers:
            container.last_status = "STOPPED"
        task.desired_status = "STOPPED"
        task.update("STOPPED", "stoppedAt")
