"""One measured run of a command: CPU time, wall time and memory of it and of all that it starts."""

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

SECONDS_BETWEEN_LOOKS = 0.05
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Run:
    """What a command cost.

    Attributes:
        cpu: Seconds, user and system, of all processes together.
        wall: Seconds.
        memory: The most bytes that all processes had resident at one time.
    """

    cpu: float
    wall: float
    memory: int


class CommandFailed(Exception):
    """A command of the benchmark ended with an error; the message has the end of what it wrote."""


def measure(command: Sequence[str | Path], log: Path) -> Run:
    """Run a command to its end.

    Args:
        log: Where its output goes.

    Raises:
        CommandFailed
    """
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        watch = _Watch(process.pid)
        _, status, usage = os.wait4(process.pid, 0)  # unlike Popen.wait it tells what the process and its children used
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - started
        seen = watch.stop()
    if process.returncode != 0:
        name = Path(command[0]).name
        raise CommandFailed(f"{name} ended with {process.returncode}: {log.read_text(errors='replace')[-2000:]}")
    # Not ru_maxrss: it is of one process, and begins with what this one had when it started the other.
    return Run(usage.ru_utime + usage.ru_stime, wall, seen)


class _Watch:
    """Looks at a process and its descendants again and again, in a thread."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._most = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def stop(self) -> int:
        self._ended.set()
        self._thread.join()
        return self._most

    def _look(self) -> None:
        while not self._ended.wait(SECONDS_BETWEEN_LOOKS):
            self._most = max(self._most, self._resident())

    def _resident(self) -> int:
        total = 0
        try:
            for process in (self._root, *self._root.children(recursive=True)):
                total += process.memory_info().rss
        except psutil.NoSuchProcess:
            return 0  # one ended while it was looked at; the next look is soon
        return total
