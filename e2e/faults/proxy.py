"""An endpoint that misbehaves on demand: a proxy in front of the account's own, with real sockets.

Each request is read whole before anything is done with it, as load balancers do: a client that dies in the middle of
one has asked for nothing.
"""

import http.client
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal
from urllib.parse import unquote, urlsplit

HOLD_SECONDS = 60  # a test that has failed meanwhile must not keep the client for ever
UPSTREAM_SECONDS = 60
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Answer:
    """Status, headers without the length, and body; ``length`` is what is announced."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    length: int


class Exchange:
    """One request that has come in, and the ways to deal with it."""

    def __init__(self, handler: "_Handler", body: bytes) -> None:
        self._handler = handler
        self.body = body
        self.method = handler.command
        self.path = unquote(urlsplit(handler.path).path)
        self.query = urlsplit(handler.path).query

    def forward(self) -> Answer:
        """Let the account carry the request out."""
        host = self._handler.server.upstream
        with closing(http.client.HTTPConnection(host, timeout=UPSTREAM_SECONDS)) as connection:
            connection.putrequest(self.method, self._handler.path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", host)  # the account wants to be called by its own name
            for name, value in self._handler.headers.items():
                if name.lower() not in {"host", "expect", *HOP_BY_HOP}:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(self.body)))
            connection.endheaders(self.body)
            answer = connection.getresponse()
            headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP]
            content = answer.read()
            length = int(answer.headers.get("Content-Length", len(content))) if self.method == "HEAD" else len(content)
            return Answer(answer.status, headers, content, length)

    def begin(self, answer: Answer, share: float = 1.0) -> None:
        """Send an answer's head and so much of its body."""
        self._handler.send_response_only(answer.status)
        for name, value in answer.headers:
            self._handler.send_header(name, value)
        self._handler.send_header("Content-Length", str(answer.length))
        self._handler.end_headers()
        self._handler.wfile.write(answer.body[: round(share * len(answer.body))])

    def cut(self) -> None:
        """End the connection without another word."""
        self._handler.close_connection = True
        with suppress(OSError):
            self._handler.connection.shutdown(socket.SHUT_RDWR)


Act = Callable[[Exchange], None]


def refuse(status: int, code: str) -> Act:
    """Answer with an error as S3 words them; the account hears nothing of the request."""
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'.encode()
    return lambda exchange: exchange.begin(Answer(status, [("Content-Type", "application/xml")], body, len(body)))


def throttle(code: str) -> Act:
    """Answer with an error as the services with a JSON protocol word them."""
    body = f'{{"__type": "{code}", "message": "Rate exceeded"}}'.encode()
    head = [("Content-Type", "application/x-amz-json-1.0"), ("x-amzn-errortype", code)]
    return lambda exchange: exchange.begin(Answer(400, head, body, len(body)))


def delay(seconds: float) -> Act:
    """Carry the request out late."""

    def act(exchange: Exchange) -> None:
        time.sleep(seconds)
        exchange.begin(exchange.forward())

    return act


def lose_request(exchange: Exchange) -> None:
    """Cut the connection before the account hears of the request."""
    exchange.cut()


def lose_answer(exchange: Exchange) -> None:
    """Carry the request out and cut the connection before a word of the answer."""
    exchange.forward()
    exchange.cut()


def cut_in_body(exchange: Exchange) -> None:
    """Cut the connection in the middle of the answer."""
    exchange.begin(exchange.forward(), share=0.5)
    exchange.cut()


def alter(exchange: Exchange) -> None:
    """Change one byte of the answer and leave its checksum as it was."""
    answer = exchange.forward()
    middle = len(answer.body) // 2
    body = answer.body[:middle] + bytes([answer.body[middle] ^ 1]) + answer.body[middle + 1 :]
    exchange.begin(Answer(answer.status, answer.headers, body, len(body)))


class Gate:
    """Holds a client still until the test has done to it what it wants.

    ``stage`` says where: before its request is carried out (it never is then), in the middle of the answer, or when all
    is done but for the answer.
    """

    def __init__(self, stage: Literal["request", "halfway", "answer"]) -> None:
        self._stage = stage
        self._reached, self._open = threading.Event(), threading.Event()

    @property
    def is_reached(self) -> bool:
        """Whether somebody is held."""
        return self._reached.is_set()

    def open(self) -> None:
        """Let go."""
        self._open.set()

    def __call__(self, exchange: Exchange) -> None:
        answer = None if self._stage == "request" else exchange.forward()
        if answer and self._stage == "halfway":
            exchange.begin(answer, share=0.5)
        self._reached.set()
        self._open.wait(HOLD_SECONDS)
        if answer and self._stage == "answer":
            exchange.begin(answer)
        else:
            exchange.cut()


@dataclass
class Rule:
    """What to do with requests of this method and key, so many times; all others go through.

    Attributes:
        key: The end of the path, percent signs decoded.
        containing: Texts that the request's body must have, all of them.
        query: A part of the query string.
        times: How often; those after that go through.
        applied: How often it has been done so far.
    """

    method: str
    key: str
    act: Act
    containing: tuple[str, ...] = ()
    query: str = ""
    times: int = 1
    applied: int = field(default=0, init=False)

    def fits(self, exchange: Exchange) -> bool:
        """Whether a request is meant, and its turn."""
        return (
            self.applied < self.times
            and exchange.method == self.method
            and exchange.path.endswith(self.key)
            and self.query in exchange.query
            and all(text.encode() in exchange.body for text in self.containing)
        )


class FaultProxy:
    """The proxy, from the block's beginning to its end; it listens at ``address`` and stands for ``endpoint``."""

    def __init__(self, address: str, endpoint: str) -> None:
        self._server = _Server((address, 0), _Handler)
        self._server.upstream = urlsplit(endpoint).netloc
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def inject(self, rule: Rule) -> Rule:
        """Add a rule; the first that fits a request is applied to it."""
        with self._server.lock:
            self._server.rules.append(rule)
        return rule

    def __enter__(self) -> "FaultProxy":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # clients keep their connections open for as long as they live
    upstream = ""

    def __init__(self, address: tuple[str, int], handler: type["_Handler"]) -> None:
        super().__init__(address, handler)
        self.lock = threading.Lock()
        self.rules: list[Rule] = []

    def take(self, exchange: Exchange) -> Act | None:
        with self.lock:
            for rule in self.rules:
                if rule.fits(exchange):
                    rule.applied += 1
                    return rule.act
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        try:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            if len(body) < length:  # the client has died meanwhile
                self.close_connection = True
                return
            exchange = Exchange(self, body)
            act = self.server.take(exchange)
            if act is None:
                exchange.begin(exchange.forward())
            else:
                act(exchange)
        except (OSError, http.client.HTTPException):  # one side has gone: so does the other
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
