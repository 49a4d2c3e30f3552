"""A task when the emulator's connections to the engine break: nothing is known of it for a while, and nothing lost."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from docker import APIClient

from localstack_fargate.tests.kit import Fargate, emulator, poll, random_name

DOCKER_SOCKET = "/var/run/docker.sock"


class Switchboard:
    """A socket that is connected to the engine's, until somebody cuts the line."""

    def __init__(self, path: Path) -> None:
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen(64)
        self._connections: list[socket.socket] = []
        self._connected = True
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
                    threading.Thread(target=copy, args=[source, target], daemon=True).start()


def copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def switchboard(path: Path) -> Iterator[Switchboard]:
    made = Switchboard(path)
    yield made
    made.close()


def test_a_task_goes_on_without_us(docker: APIClient, tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    settings = {
        "FARGATE_LAUNCHER": "docker",
        "DOCKER_HOST": f"unix://{path}",
        "FARGATE_NAME": random_name("docker-cut"),
    }
    with switchboard(path) as line, emulator(tmp_path, **settings) as started:
        poll(started.is_ready, 90)
        fargate = Fargate(started.url)
        lasting = fargate.run_script("echo before; while ! test -e /go; do sleep 0.1; done; echo after; exit 4")
        ending = fargate.run_script("echo before; sleep 2; exit 5")
        for arn in (lasting, ending):
            poll(partial(fargate.output, arn))
        (container,) = docker.containers(filters={"label": f"com.amazonaws.ecs.task-arn={lasting}"})
        (ended,) = docker.containers(filters={"label": f"com.amazonaws.ecs.task-arn={ending}"})
        line.cut()
        docker.wait(ended["Id"])
        line.mend()
        assert fargate.wait(ending)["containers"][0]["exitCode"] == 5
        assert fargate.describe(lasting)["lastStatus"] == "RUNNING"
        docker.exec_start(docker.exec_create(container["Id"], ["touch", "/go"])["Id"])
        assert fargate.wait(lasting)["containers"][0]["exitCode"] == 4
        assert fargate.output(lasting) == ["before", "after"]
