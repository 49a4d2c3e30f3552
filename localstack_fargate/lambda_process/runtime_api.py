"""The server side of the Lambda Runtime API, for one process: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

awslambdaric takes a host and a port and no path, so every process gets a port of its own on loopback.
"""

import json
import logging
import socket
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer

from localstack_fargate.lambda_process.outcome import InitFailedError, Reply, response_too_large

LOG = logging.getLogger(__name__)

_ROOT = "/2018-06-01/runtime"
_ERROR_TYPE_HEADER = "Lambda-Runtime-Function-Error-Type"


@dataclass
class Invocation:
    """One event on its way through the function. ``deadline_ms`` is in milliseconds since the epoch."""

    request_id: str
    payload: bytes
    function_arn: str
    trace_id: str
    deadline_ms: int
    reply: "Future[Reply]" = field(default_factory=Future)
    delivered: bool = False


class RuntimeApi:
    """Hands invocations to one function process and takes its replies.

    ``ready`` is done as soon as the process asks for its first invocation, or failed with an ``InitFailedError`` or
    with whatever ``fail()`` was given.
    """

    def __init__(self, max_response_bytes: int) -> None:
        self.ready: Future[None] = Future()
        self._max_response_bytes = max_response_bytes
        self._changed = threading.Condition()
        self._waiting: Invocation | None = None
        self._running: Invocation | None = None
        self._closed = False
        self._server = _Server(self)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._serve, name="lambda-runtime-api", daemon=True).start()

    @property
    def address(self) -> str:
        """Host and port, as ``AWS_LAMBDA_RUNTIME_API`` wants them."""
        return f"127.0.0.1:{self._port}"

    def submit(self, invocation: Invocation, closed_error: Exception) -> None:
        """Offer an invocation to the process; its ``reply`` fails with ``closed_error`` if the process is gone."""
        with self._changed:
            if self._closed:
                invocation.reply.set_exception(closed_error)
                return
            self._waiting = invocation
            self._changed.notify_all()

    def fail(self, error: Exception) -> None:
        """The process is gone: nobody will answer what is still open."""
        with self._changed:
            self._closed = True
            if not self.ready.done():
                self.ready.set_exception(error)
            for invocation in (self._waiting, self._running):
                if invocation and not invocation.reply.done():
                    invocation.reply.set_exception(error)
            self._waiting = self._running = None
            self._changed.notify_all()
        with suppress(OSError):  # one connection wakes the accepting thread, which then sees that it is over
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()

    def next(self) -> Invocation | None:
        """Wait for an invocation on behalf of the process; None when the process is gone."""
        with self._changed:
            if not self.ready.done():
                self.ready.set_result(None)
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._running, self._waiting = self._waiting, None
            if self._running:
                self._running.delivered = True
            return self._running

    def reply(self, request_id: str, reply: Reply) -> bool:
        """Take the answer to the running invocation; False if it answers anything else."""
        with self._changed:
            if self._running is None or self._running.request_id != request_id:
                return False
            self._running.reply.set_result(reply)
            self._running = None
            return True

    def accepts(self, size: int) -> bool:
        return size <= self._max_response_bytes

    def refuse(self, request_id: str, size: int) -> bool:
        """Answer in place of a response of ``size`` bytes, which is too long."""
        return self.reply(request_id, response_too_large(size, self._max_response_bytes))

    def init_failed(self, reply: Reply) -> None:
        with self._changed:
            if not self.ready.done():
                self.ready.set_exception(InitFailedError(reply))

    def _serve(self) -> None:
        while not self._closed:
            self._server.handle_request()
        self._server.server_close()


class _Server(ThreadingTCPServer):  # not HTTPServer: that one asks the DNS for its own name, which can take seconds
    daemon_threads = True

    def __init__(self, api: RuntimeApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base class's
        """A process that is killed resets its connection; anything else is a bug of ours and belongs into the log."""
        if not isinstance(sys.exception(), ConnectionError):
            LOG.exception("Lambda Runtime API: request from %s failed", client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"  # awslambdaric keeps its connection
    disable_nagle_algorithm = True
    wbufsize = -1  # status, headers and body in one packet

    def do_GET(self) -> None:
        if self.path != f"{_ROOT}/invocation/next":
            return self._refuse(HTTPStatus.NOT_FOUND, "NotFound", f"No such path: {self.path}")
        invocation = self.server.api.next()
        if invocation is None:
            self.close_connection = True
            return None
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
        }
        return self._send(HTTPStatus.OK, invocation.payload, headers)

    def do_POST(self) -> None:
        api = self.server.api
        size = int(self.headers.get("Content-Length") or 0)
        error_type = self.headers.get(_ERROR_TYPE_HEADER)
        match self.path.removeprefix(_ROOT).split("/"):
            case ["", "invocation", request_id, "response"] if not api.accepts(size):
                self._skip(size)
                if api.refuse(request_id, size):
                    message = "Exceeded maximum allowed payload size."
                    return self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestEntityTooLarge", message)
                accepted = False
            case ["", "invocation", request_id, "response"]:
                accepted = api.reply(request_id, Reply(self.rfile.read(size)))
            case ["", "invocation", request_id, "error"]:
                accepted = api.reply(request_id, Reply(self.rfile.read(size), is_error=True, error_type=error_type))
            case ["", "init", "error"]:
                api.init_failed(Reply(self.rfile.read(size), is_error=True, error_type=error_type))
                accepted = True
            case _:
                self._skip(size)
                return self._refuse(HTTPStatus.NOT_FOUND, "NotFound", f"No such path: {self.path}")
        if not accepted:
            return self._refuse(HTTPStatus.BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
        return self._send(HTTPStatus.ACCEPTED, b'{"status":"OK"}\n', {"Content-Type": "application/json"})

    def _skip(self, size: int) -> None:
        """Read a body to its end without keeping it: the client reads our answer only when it has sent everything."""
        while size > 0 and (chunk := self.rfile.read(min(size, 1 << 16))):
            size -= len(chunk)

    def _refuse(self, status: HTTPStatus, error_type: str, message: str) -> None:
        body = json.dumps({"errorType": error_type, "errorMessage": message}).encode()
        self._send(status, body, {"Content-Type": "application/json"})

    def _send(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """The emulator's log is no place for a function's polling."""
