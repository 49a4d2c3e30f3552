"""For all tests: signals as in a terminal, the same examples of properties in every run, and AWS over HTTP.

A run that was started in the background or by nohup ignores some, and all that the tests start would ignore them too.
"""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# Without a deadline for an example: the machine may have other work.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


def pytest_configure() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    """The URL of a server with moto's AWS, for tests that need no account that works by itself."""
    from moto.server import ThreadedMotoServer  # most runs have no use for it, and it takes a second to load

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
