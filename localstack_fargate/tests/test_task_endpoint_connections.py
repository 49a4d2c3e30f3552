"""No task can hold the task endpoint by the connections that it makes."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from localstack_fargate.launchers.process import ProcessLauncher
from localstack_fargate.task_endpoint.server import MAX_CONNECTIONS, TaskEndpoint
from localstack_fargate.tests.kit import poll


@pytest.fixture
def port() -> Iterator[int]:
    """Where an endpoint listens."""
    endpoint = TaskEndpoint(ProcessLauncher({}, 1, "http://127.0.0.1:1"))
    yield int(endpoint.url.rpartition(":")[2])
    endpoint.close()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def answer(port: int) -> bytes:
    """What a request is answered with, if at all."""
    with connect(port) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(b"GET /v4/unknown HTTP/1.0\r\n\r\n")
        return connection.recv(4096)
    return b""


def test_a_connection_that_says_nothing_is_closed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localstack_fargate.task_endpoint.server._Handler.timeout", 0.1)
    with connect(port) as connection:
        assert connection.recv(1) == b"", "the server waits for ever"


def test_more_connections_than_there_is_room_for_are_closed(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with contextlib.ExitStack() as silent:
        for _ in range(MAX_CONNECTIONS):
            silent.enter_context(connect(port))
        assert answer(port) == b""
        assert "any more are closed" in caplog.text
    poll(lambda: b" 404 " in answer(port), what="an answer once the others have gone")


def test_an_answer_makes_room(port: int) -> None:
    with contextlib.ExitStack() as silent:
        for _ in range(MAX_CONNECTIONS - 1):
            silent.enter_context(connect(port))
        for _ in range(3):
            poll(lambda: b" 404 " in answer(port), what="an answer")
