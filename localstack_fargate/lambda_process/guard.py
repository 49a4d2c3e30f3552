"""Ends the functions of an emulator that was killed and could not do it itself.

Run as a script, this file is a small process in a session of its own that holds one end of a pipe. The kernel closes
the other end when the emulator ends, however that happens, and the guard then kills every process group it was told
of. Unlike ``PR_SET_PDEATHSIG`` this reaches the programs that a handler has started, does not depend on which *thread*
forked, and works outside Linux.
"""

import atexit
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress


class EmulatorIsEnding(OSError):
    """The guard has ended what there was, and nobody would end anything that is started now."""


class Guard:
    """Keeps one guard process for the whole emulator, started when the first function is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: set[int] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def watch(self, group: int) -> None:
        """From now on this process group does not outlive the emulator.

        Raises:
            EmulatorIsEnding: It would: ``close()`` was called before.
            OSError: It would: no guard can be started.
        """
        with self._lock:
            if self._closed:
                raise EmulatorIsEnding("the emulator ends: no function is started any more")
            self._groups.add(group)
            try:
                self._tell(f"+{group}")
            except OSError:  # no guard can be started
                self._groups.discard(group)
                raise

    def forget(self, group: int) -> None:
        """The group has ended, and its number may soon be another's."""
        with self._lock:
            self._groups.discard(group)
            if not self._closed:
                self._tell(f"-{group}")

    def close(self) -> None:
        """End the guard process, and with it whatever it still watches."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                if self._process.stdin:
                    self._process.stdin.close()
                self._process.wait()

    def _tell(self, line: str) -> None:
        if self._process is None or self._process.poll() is not None:
            if self._process is None:
                atexit.register(self.close)
            command = [sys.executable, "-I", "-S", __file__]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
            line = "\n".join(f"+{group}" for group in self._groups)
        if pipe := self._process.stdin:
            with suppress(BrokenPipeError):  # it died this moment: the next call starts another and tells it everything
                pipe.write(f"{line}\n".encode())
                pipe.flush()


def main() -> None:
    """Collect process groups from standard input and kill them when it ends."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # whoever ends the emulator's children one by one must not start here
    groups: set[int] = set()
    for line in sys.stdin:
        if line.startswith("+"):
            groups.add(int(line[1:]))
        elif line.startswith("-"):
            groups.discard(int(line[1:]))
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
