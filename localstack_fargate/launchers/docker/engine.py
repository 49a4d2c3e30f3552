"""The connection to the Docker engine: the one at DOCKER_HOST, or behind /var/run/docker.sock."""

import socket
from typing import Any

import requests
from docker import APIClient
from docker.errors import DockerException
from docker.utils import kwargs_from_env

LOCAL = "unix://"
DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
CONNECT_SECONDS = 10
CONNECTIONS = 64  # kept open for the next request; each costs a few KB

# What a request may raise, apart from the engine's own answer (``docker.errors.APIError``, which is one of these).
RequestFailed = (requests.RequestException, DockerException)


def connect() -> APIClient:
    """Connect to the engine; raises ``docker.errors.DockerException`` if none answers."""
    address = kwargs_from_env().get("base_url") or DEFAULT_ADDRESS
    if address.startswith(LOCAL):
        _try(address.removeprefix(LOCAL))
    client = APIClient(version="auto", timeout=CONNECT_SECONDS, max_pool_size=CONNECTIONS, **kwargs_from_env())
    client.timeout = None  # type: ignore[assignment] # a busy engine takes its time; nothing is gained by giving up
    return client


def _try(path: str) -> None:
    """Connect to a socket and leave: the SDK would not close one at which nobody listens."""
    with socket.socket(socket.AF_UNIX) as trial:
        trial.settimeout(CONNECT_SECONDS)
        try:
            trial.connect(path)
        except OSError as error:
            raise DockerException(f"No engine answers at {path}: {error.strerror or error}.") from error


def answers() -> bool:
    """Whether there is an engine."""
    try:
        connect().close()
    except DockerException:
        return False
    return True


def attach(docker: APIClient, container_id: str) -> socket.socket:
    """A stream of what the container will write."""
    return _own(docker.attach_socket(container_id))


def start_exec(docker: APIClient, exec_id: str) -> socket.socket:
    """Start an exec that was created; returns the stream of what it writes."""
    return _own(docker.exec_start(exec_id, socket=True))


def _own(stream: Any) -> socket.socket:
    """Take the connection out of the hands of the HTTP library, whose response would close it with itself."""
    owned = socket.socket(fileno=socket.dup(stream.fileno()))
    stream._response.close()
    owned.settimeout(None)
    return owned
