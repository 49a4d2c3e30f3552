"""The launcher for machines without Docker: a container is a local process, an image a command line.

Limits of CPU and memory are not enforced, and the file system is the machine's own: this is a stand-in for trusted
code, not a sandbox.
"""

import contextlib
import logging
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .base import (
    CannotPullContainerError,
    CannotStartContainerError,
    Capacity,
    ContainerFacts,
    ContainerSpec,
    Exit,
    Output,
    RunningContainer,
    Sandbox,
    TaskSpec,
)

LOG = logging.getLogger(__name__)

CONTAINER_INIT = Path(__file__).with_name("container_init.py")
READ_BYTES = 65536
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class ProcessLauncher:
    """Runs the images in ``images``, each mapped to the command line that is its ENTRYPOINT."""

    def __init__(self, images: Mapping[str, tuple[str, ...]], max_tasks: int, gateway_url: str) -> None:
        self._images = {_with_tag(image): command for image, command in images.items()}
        self._stopping = threading.Event()
        self.capacity = Capacity(tasks=max_tasks)
        self.gateway_url = gateway_url
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.endpoint_url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def listen(self) -> socket.socket:
        """See ``Launcher``."""
        return self._listening

    def prepare(self, task: TaskSpec) -> Sandbox:
        """See ``Launcher``: the images of all containers must be mapped."""
        for container in task.containers:
            if _with_tag(container.image) not in self._images:
                raise CannotPullContainerError(
                    f"pull image manifest has been retried 1 time(s): failed to resolve ref {container.image}: "
                    "not found (FARGATE_PROCESS_IMAGES has no such image)"
                )
        return ProcessSandbox(self._images, self._stopping)

    def stop_starting(self) -> None:
        """See ``Launcher``."""
        self._stopping.set()

    def close(self) -> None:
        """See ``Launcher``: there is nothing to remove."""


class ProcessSandbox:
    """The processes of one task, each with a directory of its own that is removed after it."""

    def __init__(self, images: Mapping[str, tuple[str, ...]], stopping: threading.Event) -> None:
        self._images = images
        self._stopping = stopping

    def start(self, container: ContainerSpec, output: Output, on_exit: Callable[[Exit], None]) -> RunningContainer:
        """See ``Sandbox``."""
        if self._stopping.is_set():
            raise CannotStartContainerError("the emulator stops")
        directory = tempfile.mkdtemp(prefix=f"fargate-{container.runtime_id}-")
        # Nothing of the emulator's environment may reach a task, its credentials least of all: PATH is the exception,
        # for it says where this machine keeps its programs.
        base = {"PATH": os.environ.get("PATH", DEFAULT_PATH), "HOME": directory, "TMPDIR": directory}
        environment = {**base, **container.environment}
        command = self._command(container)
        if shutil.which(command[0], path=environment["PATH"]) is None:
            shutil.rmtree(directory, ignore_errors=True)
            raise CannotStartContainerError(f'exec: "{command[0]}": executable file not found in $PATH')
        return _ContainerProcess(container.runtime_id, command, environment, directory, output, on_exit)

    def close(self) -> None:
        """See ``Sandbox``: every process cleaned up after itself."""

    def _command(self, container: ContainerSpec) -> list[str]:
        entry_point = container.definition.get("entryPoint") or self._images[_with_tag(container.image)]
        return [*entry_point, *(container.definition.get("command") or ())]


def _with_tag(image: str) -> str:
    """An image without tag or digest is the one tagged "latest", as everywhere."""
    name = image.rsplit("/", 1)[-1]
    return image if ":" in name or "@" in name else f"{image}:latest"


class _ContainerProcess:
    """A running command under ``container_init.py``, and the thread that reads its output."""

    def __init__(
        self,
        runtime_id: str,
        command: list[str],
        environment: Mapping[str, str],
        directory: str,
        output: Output,
        on_exit: Callable[[Exit], None],
    ) -> None:
        self._runtime_id = runtime_id
        self._environment = environment
        self._directory = directory
        self._output = output
        self._on_exit = on_exit
        self._lock = threading.Lock()
        reading_end, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(CONTAINER_INIT), str(reading_end), directory],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=directory,
                env=environment,
                pass_fds=[reading_end],
                start_new_session=True,  # a Ctrl-C for the emulator is none for its tasks
            )
        except OSError as error:
            self._clean_up()
            raise CannotStartContainerError(str(error)) from error
        finally:
            os.close(reading_end)
        parts = b"\0".join(map(os.fsencode, command))
        self._send(b"%08d" % len(parts) + parts)
        threading.Thread(target=self._follow, name=f"fargate-{self._process.pid}", daemon=True).start()

    def stop(self) -> None:
        """See ``RunningContainer``."""
        self._send(b"T")

    def kill(self) -> None:
        """See ``RunningContainer``."""
        with self._lock:
            if self._lifeline >= 0:
                os.close(self._lifeline)
                self._lifeline = -1

    def run(self, command: Sequence[str], timeout: float) -> int | None:
        """See ``RunningContainer``: a process beside the container's, with the same environment and directory."""
        try:
            with subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self._directory,
                env=self._environment,
                start_new_session=True,
            ) as process:
                try:
                    return process.wait(timeout)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    return None
        except OSError:  # no such command, or the container has ended and its directory is gone
            return None

    def facts(self) -> ContainerFacts:
        """See ``RunningContainer``."""
        return ContainerFacts(id=self._runtime_id, name=self._runtime_id)

    def statistics(self) -> None:
        """See ``RunningContainer``: what a process uses is not counted."""

    def _send(self, data: bytes) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError):  # it may have ended meanwhile
            while data and self._lifeline >= 0:
                data = data[os.write(self._lifeline, data) :]

    def _follow(self) -> None:
        try:
            self._read_output()
        except Exception:
            LOG.exception("Output of a container was lost")
        code = self._process.wait()
        self._clean_up()
        self._on_exit(Exit(128 - code if code < 0 else code))

    def _read_output(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: both are pipes
        assert self._process.stderr is not None  # noqa: S101
        with self._process.stdout as stdout, self._process.stderr as stderr, selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ, "stdout")
            selector.register(stderr, selectors.EVENT_READ, "stderr")
            while selector.get_map():
                for key, _ in selector.select():
                    if data := os.read(key.fd, READ_BYTES):
                        self._output.write(key.data, data)
                    else:
                        selector.unregister(key.fileobj)

    def _clean_up(self) -> None:
        self.kill()  # closes the pipe
        shutil.rmtree(self._directory, ignore_errors=True)
