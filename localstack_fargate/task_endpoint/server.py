"""The endpoint that a task asks for its role's credentials and for its metadata.

On Fargate it has the address 169.254.170.2. Where a launcher cannot give it that, it listens on the loopback interface,
which SDKs accept as well.
"""

import json
import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ..ecs.models import Container, Task
from ..ecs.roles import begin_session
from ..launchers.base import Launcher
from .credentials import TaskRoleCredentials
from .metadata import container_document, task_document
from .statistics import Statistics

LOG = logging.getLogger(__name__)

SESSION_SECONDS = 6 * 3600  # Fargate's
START_SECONDS = 1
IDLE_SECONDS = 60  # a connection that says nothing for so long is closed
MAX_CONNECTIONS = 256  # at a time, each with a thread; an answer ends one, so that a hundred starting tasks need fewer
FARGATE_URL = "http://169.254.170.2"  # the only address at which SDKs look for a relative URI


@dataclass(frozen=True)
class _Registration:
    task: Task
    credentials_id: str
    token: str
    credentials: TaskRoleCredentials | None


class TaskEndpoint:
    """Knows the tasks that run, and answers them only."""

    def __init__(self, launcher: Launcher) -> None:
        self._registrations: dict[str, _Registration] = {}
        self._statistics = Statistics()
        self.gateway_url = launcher.gateway_url
        self.url = launcher.endpoint_url
        self._server = _Server(launcher.listen(), partial(_Handler, self))
        threading.Thread(target=self._server.serve_forever, name="fargate-task-endpoint", daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

    def register(self, task: Task) -> None:
        """Answer this task from now on."""
        role_arn = task.task_role_arn
        credentials = None
        if role_arn:
            credentials = TaskRoleCredentials(role_arn, partial(begin_session, role_arn, task, SESSION_SECONDS))
        token = secrets.token_urlsafe(32)
        self._registrations[task.id] = _Registration(task, secrets.token_urlsafe(24), token, credentials)

    def unregister(self, task: Task) -> None:
        """Forget the task: its credentials are gone, as on Fargate."""
        self._registrations.pop(task.id, None)
        for container in task.containers:
            self._statistics.forget(container)

    def environment(self, task: Task, container: Container) -> dict[str, str]:
        """The variables that lead a container's SDK here."""
        variables = {"ECS_CONTAINER_METADATA_URI_V4": f"{self.url}/v4/{container.runtime_id}"}
        registration = self._registrations[task.id]
        if registration.credentials is None:
            return variables
        if self.url == FARGATE_URL:
            variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = f"/v2/credentials/{registration.credentials_id}"
        else:
            variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"{self.url}/v2/credentials/{registration.credentials_id}"
            variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = registration.token
        return variables

    def answer(self, path: str, token: str) -> tuple[HTTPStatus, dict[str, Any]]:
        """Status and JSON document for a GET of ``path`` with the header ``Authorization: token``."""
        match path.strip("/").split("/"):
            case ["v2", "credentials", credentials_id]:
                return self._credentials(credentials_id, token)
            case ["v4", runtime_id, *what]:
                return self._metadata(runtime_id, "/".join(what))
        return _error(HTTPStatus.NOT_FOUND, "NotFound", "There is nothing here")

    def _credentials(self, credentials_id: str, token: str) -> tuple[HTTPStatus, dict[str, Any]]:
        for registration in list(self._registrations.values()):
            if registration.credentials is None:
                continue
            if not secrets.compare_digest(registration.credentials_id.encode(), credentials_id.encode()):
                continue
            needs_token = self.url != FARGATE_URL  # on loopback, every process of the machine can ask
            if needs_token and not secrets.compare_digest(registration.token.encode(), token.encode()):
                return _error(HTTPStatus.FORBIDDEN, "AccessDenied", "The authorization token is wrong")
            try:
                return HTTPStatus.OK, registration.credentials.document()
            except Exception as error:
                LOG.warning("Task %s cannot assume its role: %s", registration.task.id, error)
                return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "AssumeRoleFailed", str(error))
        return _error(HTTPStatus.NOT_FOUND, "InvalidIdInRequest", "Credentials not found")

    def _metadata(self, runtime_id: str, what: str) -> tuple[HTTPStatus, dict[str, Any]]:
        for registration in list(self._registrations.values()):
            task = registration.task
            for container in task.containers:
                if container.runtime_id == runtime_id:
                    _wait_until_started(container)
                    return self._document(task, container, what)
        return _error(HTTPStatus.NOT_FOUND, "NotFound", "There is no such container")

    def _document(self, task: Task, container: Container, what: str) -> tuple[HTTPStatus, dict[str, Any]]:
        match what:
            case "":
                return HTTPStatus.OK, container_document(task, container)
            case "task":
                return HTTPStatus.OK, task_document(task)
            case "taskWithTags":
                return HTTPStatus.OK, task_document(task, with_tags=True)
            case "stats":
                statistics = self._statistics.read(container)
                if statistics is None:
                    return _error(HTTPStatus.INTERNAL_SERVER_ERROR, "NoStatistics", "There are no statistics of it")
                return HTTPStatus.OK, statistics
            case "task/stats":
                return HTTPStatus.OK, {each.runtime_id: self._statistics.read(each) for each in task.containers}
        return _error(HTTPStatus.NOT_FOUND, "NotFound", "There is nothing here")


def _wait_until_started(container: Container) -> None:
    """The container that asks does run, and that is about to be noted."""
    deadline = time.monotonic() + START_SECONDS
    while container.running is None and time.monotonic() < deadline:
        time.sleep(0.01)


def _error(status: HTTPStatus, code: str, message: str) -> tuple[HTTPStatus, dict[str, Any]]:
    return status, {"code": code, "message": message, "HTTPErrorCode": status.value}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, listening: socket.socket, handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        super().__init__(listening.getsockname(), handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self._connections: set[Any] = set()
        self.server_activate()

    def verify_request(self, request: Any, _client_address: Any) -> bool:
        """Whether there is room for one more connection; else it is closed."""
        if len(self._connections) >= MAX_CONNECTIONS:
            return False
        self._connections.add(request)
        if len(self._connections) == MAX_CONNECTIONS:
            LOG.warning("Tasks have %s connections to their endpoint; any more are closed", MAX_CONNECTIONS)
        return True

    def shutdown_request(self, request: Any) -> None:
        """Called at the end of each connection, whatever it ends by."""
        self._connections.discard(request)
        super().shutdown_request(request)


class _Handler(BaseHTTPRequestHandler):
    timeout = IDLE_SECONDS

    def __init__(self, endpoint: TaskEndpoint, *arguments: Any) -> None:
        self._endpoint = endpoint
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer a container."""
        status, document = self._endpoint.answer(self.path.partition("?")[0], self.headers.get("Authorization", ""))
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Nobody wants a line in the emulator's log for each credential."""
