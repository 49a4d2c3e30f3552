"""The emulator's own calls outlive connections that are closed while they are sent."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError
from localstack.aws.connect import InternalClientFactory

from localstack_fargate.gateway import closed_connections

LIKE_STEP_FUNCTIONS = Config(retries={"total_max_attempts": 1})


class AnswersOnce(BaseHTTPRequestHandler):
    """Answers the first request of a connection and hangs up at the next."""

    protocol_version = "HTTP/1.1"
    has_answered = False

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.has_answered:
            self.close_connection = True
            return
        self.has_answered = True
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


@pytest.fixture
def impatient() -> Iterator[str]:
    """A server that closes connections; returns its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), AnswersOnce) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("installed", [True, False])
def test_a_call_is_sent_again(installed: bool, impatient: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        InternalClientFactory, "_get_client_post_hook", InternalClientFactory._get_client_post_hook
    )  # which is given back afterwards
    if installed:
        closed_connections.install()
    ecs = InternalClientFactory().get_client("ecs", "us-east-1", endpoint_url=impatient, config=LIKE_STEP_FUNCTIONS)
    ecs.list_clusters()
    if installed:
        ecs.list_clusters()
    else:
        with pytest.raises(ConnectionClosedError):
            ecs.list_clusters()
    ecs.close()
