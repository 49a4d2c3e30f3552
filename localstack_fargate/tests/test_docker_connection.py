"""A task when the emulator's connections to the engine break: nothing is known of it for a while, and nothing lost."""

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker import APIClient

from localstack_fargate.tests.kit import Fargate, emulator, poll, random_name

DOCKER_SOCKET = "/var/run/docker.sock"
ATTACH = re.compile(rb"POST /\S*/attach\?")


class Switchboard:
    """A socket that is connected to the engine's, until somebody cuts the line.

    ``on_attach`` is called when the emulator asks for a container's output; the line is lost if it returns False.
    """

    def __init__(self, path: Path) -> None:
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen(64)
        self._connections: list[socket.socket] = []
        self._connected = True
        self.on_attach: Callable[[], bool] = lambda: True
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections, and let no new one last."""
        self._connected = False
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._connected = True

    def close(self) -> None:
        self.cut()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                if not self._connected:
                    client.close()
                    continue
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(DOCKER_SOCKET)
                self._connections += [client, engine]
                for source, target in ((client, engine), (engine, client)):
                    threading.Thread(target=self._copy, args=[source, target], daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if ATTACH.match(data) and not self.on_attach():
                    source.shutdown(socket.SHUT_RDWR)
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Switchboard]:
    made = Switchboard(tmp_path / "docker.sock")
    yield made
    made.close()


@pytest.fixture
def fargate(docker: APIClient, tmp_path: Path, line: Switchboard) -> Iterator[Fargate]:  # noqa: ARG001 - images
    """A cluster of an emulator that speaks with the engine through the switchboard."""
    settings = {
        "FARGATE_LAUNCHER": "docker",
        "DOCKER_HOST": f"unix://{tmp_path / 'docker.sock'}",
        "FARGATE_NAME": random_name("docker-cut"),
    }
    with emulator(tmp_path, **settings) as started:
        poll(started.is_ready, 90)
        yield Fargate(started.url)


def container_of(docker: APIClient, arn: str) -> str:
    (container,) = docker.containers(filters={"label": f"com.amazonaws.ecs.task-arn={arn}"})
    return str(container["Id"])


def test_a_task_goes_on_without_us(docker: APIClient, fargate: Fargate, line: Switchboard) -> None:
    lasting = fargate.run_script("echo before; while ! test -e /go; do sleep 0.1; done; echo after; exit 4")
    ending = fargate.run_script("echo before; sleep 10; exit 5")
    for arn in (lasting, ending):
        fargate.wait(arn, "RUNNING", timeout=60)
        fargate.wait_for_output(arn)
    container, ended = container_of(docker, lasting), container_of(docker, ending)
    attempts: list[str] = []

    def succeed_at_last() -> bool:  # the engine is not quite itself again
        attempts.append(container)
        return len(attempts) > 2

    line.on_attach = succeed_at_last
    line.cut()
    docker.wait(ended)
    line.mend()
    assert fargate.wait(ending)["containers"][0]["exitCode"] == 5
    assert fargate.describe(lasting)["lastStatus"] == "RUNNING"
    poll(lambda: len(attempts) > 2, what="the emulator's attempts to follow the output")
    docker.exec_start(docker.exec_create(container, ["touch", "/go"])["Id"])
    assert fargate.wait(lasting)["containers"][0]["exitCode"] == 4
    assert fargate.output(lasting)[0] == "before"


def test_a_task_ends_while_its_output_is_asked_for(docker: APIClient, fargate: Fargate, line: Switchboard) -> None:
    arn = fargate.run_script("sleep 60")
    fargate.wait(arn, "RUNNING", timeout=60)
    container = container_of(docker, arn)

    def end() -> bool:
        docker.kill(container)
        docker.wait(container)
        return True

    line.on_attach = end
    line.cut()
    line.mend()
    assert fargate.wait(arn)["containers"][0]["exitCode"] == 137
