"""What stays of a task that has ended, in order or not."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest

from localstack_fargate.ecs.lifecycle import TaskRun
from localstack_fargate.ecs.models import (
    FORGET_SECONDS,
    KEEP_CLIENT_TOKEN_SECONDS,
    KEEP_STOPPED_SECONDS,
    ClientToken,
    EcsStore,
    Task,
    now,
)
from localstack_fargate.ecs.not_emulated import ignored_parameters
from localstack_fargate.launchers.base import ContainerSpec, Exit, Output, RunningContainer, Sandbox, TaskSpec
from localstack_fargate.launchers.process import ProcessLauncher
from localstack_fargate.task_endpoint.server import TaskEndpoint
from localstack_fargate.tests.kit import is_alive, poll
from localstack_fargate.tests.task_kit import make_task


class StubbornSandbox:
    """A real one, but for SIGTERM, which fails; it notes that it was closed."""

    def __init__(self, real: Sandbox) -> None:
        self._real = real
        self.closed = False

    def start(self, container: ContainerSpec, output: Output, on_exit: Callable[[Exit], None]) -> RunningContainer:
        running = self._real.start(container, output, on_exit)

        def fail() -> None:
            raise OSError("no signal today")

        running.stop = fail  # type: ignore[method-assign]
        return running

    def close(self) -> None:
        self.closed = True
        self._real.close()


class StubbornLauncher(ProcessLauncher):
    sandbox: StubbornSandbox

    def prepare(self, task: TaskSpec) -> Sandbox:
        self.sandbox = StubbornSandbox(super().prepare(task))
        return self.sandbox


@pytest.fixture
def stubborn() -> StubbornLauncher:
    return StubbornLauncher({"example/shell": ("sh", "-c")}, 1, "http://127.0.0.1:1")


@pytest.fixture
def task_endpoint(stubborn: StubbornLauncher) -> Iterator[TaskEndpoint]:
    made = TaskEndpoint(stubborn)
    yield made
    made.close()


def test_a_stop_that_fails_leaves_nothing_behind(
    stubborn: StubbornLauncher, task_endpoint: TaskEndpoint, tmp_path: Any
) -> None:
    task = make_task(command=[f"echo $$ > {tmp_path}/pid; sleep 300"])
    run = TaskRun(task, stubborn, task_endpoint)

    def stop_when_it_runs(_: Task) -> None:
        if task.last_status == "RUNNING" and task.request_stop("UserInitiated", "test"):
            run.wake()

    task.listener = stop_when_it_runs
    run.run()
    assert (task.last_status, task.stop_code) == ("STOPPED", "UserInitiated")
    assert stubborn.sandbox.closed
    assert task_endpoint.answer("/v4/0123-main", "")[0] == HTTPStatus.NOT_FOUND
    pid_file = tmp_path / "pid"
    poll(lambda: not pid_file.exists() or not is_alive(int(pid_file.read_text() or "0")), what="the end of the process")


def test_a_task_that_has_ended_keeps_no_process_and_no_environment(
    stubborn: StubbornLauncher, task_endpoint: TaskEndpoint
) -> None:
    task = make_task(command=["exit 3"])
    TaskRun(task, stubborn, task_endpoint).run()
    (container,) = task.containers
    assert (task.last_status, container.exit_code) == ("STOPPED", 3)
    assert container.running is None


def test_old_tasks_and_client_tokens_are_forgotten_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    store, task = EcsStore(), make_task()
    task.times["stoppedAt"] = now()
    store.tasks[task.arn] = task
    store.client_tokens[task.cluster_arn, "token"] = ClientToken("digest", (task,))
    assert store.current_tasks() == [task]
    task.times["stoppedAt"] -= timedelta(seconds=KEEP_STOPPED_SECONDS + 1)
    assert store.current_tasks() == [task], "it looks each time"
    later = time.monotonic() + FORGET_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert store.current_tasks() == []
    assert store.find_client_token(task.cluster_arn, "token") is not None
    tomorrow = later + KEEP_CLIENT_TOKEN_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: tomorrow)
    assert store.find_client_token(task.cluster_arn, "token") is None
    assert store.client_tokens == {}


def test_what_is_ignored_is_known_by_name() -> None:
    task = make_task(restartPolicy={"enabled": True}, repositoryCredentials={"credentialsParameter": "x"})
    definition = replace(task.definition, pid_mode="task", proxy_configuration={"containerName": "main"})
    assert list(ignored_parameters(definition)) == [
        "pidMode",
        "proxyConfiguration",
        "repositoryCredentials of container main",
        "restartPolicy of container main",
    ]
    assert list(ignored_parameters(make_task().definition)) == []
