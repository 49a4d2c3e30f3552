"""A command that is run in a container beside its own, with a time limit."""

import logging
import socket
import time
from collections.abc import Sequence
from typing import Any

from docker.errors import APIError

from ..base import LaunchError
from .engine import RequestFailed, start_exec
from .host import DockerHost
from .ownership import remove_container

LOG = logging.getLogger(__name__)

READ_BYTES = 65536
CANNOT_EXECUTE = 126  # a shell's code


def run_command(host: DockerHost, container_id: str, command: Sequence[str], timeout: float) -> int | None:
    """Exit code of the command, None if it took longer than ``timeout`` seconds or the container has ended."""
    deadline = time.monotonic() + timeout
    try:
        exec_id = host.docker.exec_create(container_id, list(command))["Id"]
        with start_exec(host.docker, exec_id) as stream:
            finished = _read_to_end(stream, deadline)
        state = host.docker.exec_inspect(exec_id)
        if state["Running"]:
            _kill(host, container_id, state["Pid"])
            return None
    except LaunchError:  # the emulator stops, and the container with it
        return None
    except APIError as error:
        return None if error.status_code in (404, 409) else CANNOT_EXECUTE
    except RequestFailed:
        return None
    return state["ExitCode"] if finished else None


def _read_to_end(stream: socket.socket, deadline: float) -> bool:
    """Read and forget what the command writes, which would block it; returns whether it ended in time."""
    while (seconds := deadline - time.monotonic()) > 0:
        stream.settimeout(seconds)
        try:
            if not stream.recv(READ_BYTES):
                return True
        except TimeoutError:
            break
        except OSError:
            return True
    return False


def _kill(host: DockerHost, container_id: str, pid: int) -> None:
    """Kill a process of the engine's machine, and all of the group that it leads, as every exec'd command does."""
    if pid <= 1:  # not started yet, or ended just now
        return
    settings: dict[str, Any] = {
        "Image": host.pause.id(),
        "Cmd": [str(pid)],
        "Labels": host.ownership.labels,
        "HostConfig": {"PidMode": "host", "UsernsMode": "host", "NetworkMode": "none", "LogConfig": {"Type": "none"}},
    }
    with host.starts.turn():
        killer = host.docker.create_container_from_config(settings)["Id"]
        try:
            # Looked at last of all: the command may have ended, and another's process have its number.
            if _is_in(host, container_id, pid):
                host.docker.start(killer)
                host.docker.wait(killer)
        finally:
            remove_container(host.docker, killer)


def _is_in(host: DockerHost, container_id: str, pid: int) -> bool:
    """Whether the container has the process; raises ``docker.errors.APIError`` if it has ended."""
    processes = host.docker.top(container_id, "-eo pid")["Processes"] or ()
    return str(pid) in (process[0].strip() for process in processes)
