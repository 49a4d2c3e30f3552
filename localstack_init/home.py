"""The folder of one emulated account: who holds it, which process is the account, and what it has logged."""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

LOG_TAIL_LINES = 25
READY_PATH = "/_localstack/init/ready"
HOOK_LINE = "deploy: "  # begins each line that localstack_init.deploy prints


class EmulatorError(Exception):
    """The account cannot be brought up or reached; the message is for the user."""


@dataclass(frozen=True)
class Running:
    """An account that was started and has not been taken down."""

    pid: int
    created: float
    """When the process began, in seconds since the epoch: a process id alone may by now be somebody else's."""
    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def process(self) -> psutil.Process | None:
        """The process, or None if it has ended."""
        try:
            process = psutil.Process(self.pid)
            alive = process.create_time() == self.created and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if alive else None


class Home:
    """The folder of one account."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "localstack.log"
        self.files = path / "files"
        self._state = path / "emulator.json"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder: of two that start or end its account, one waits for the other."""
        self.path.mkdir(parents=True, exist_ok=True)
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def remember(self, running: Running) -> None:
        written = self._state.with_suffix(".new")
        written.write_text(json.dumps(asdict(running)))
        written.replace(self._state)

    def running(self) -> Running | None:
        """The account of this folder if it is alive.

        Raises:
            EmulatorError: the file that names its process is damaged.
        """
        try:
            state = json.loads(self._state.read_bytes())
            running = Running(pid=int(state["pid"]), created=float(state["created"]), port=int(state["port"]))
            return running if running.process() else None
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            raise EmulatorError(
                f"{self._state} is damaged and does not say which process the account is; "
                "end that process if there is one, remove the file and try again"
            ) from None

    def clear(self) -> None:
        self._state.unlink(missing_ok=True)
        shutil.rmtree(self.files, ignore_errors=True)

    def log_tail(self) -> str:
        """The end of the log without our own questions whether it is ready."""
        lines = [line for line in self._log_lines() if READY_PATH not in line]
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def hook_lines(self) -> list[str]:
        """What the hook that fills the account has said."""
        return [line for line in self._log_lines() if line.startswith(HOOK_LINE)]

    def _log_lines(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
