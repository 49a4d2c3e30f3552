"""A function's process: its group, its end and its output."""

import codecs
import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from localstack_fargate.lambda_process.guard import Guard

# A function that prints without end must not fill the emulator's memory. What is dropped is the oldest.
MAX_PENDING_CHARACTERS = 4 * 1024 * 1024
_READ_BYTES = 64 * 1024  # a pipe's capacity on Linux
# Becomes the function only when it is told to, so that none runs that the guard does not know of: an emulator that is
# killed before closes the pipe, and read fails.
_GATE = ("/bin/sh", "-c", 'read -r _ && exec "$@" </dev/null', "sh")

_guard = Guard()


class FunctionProcess:
    """A process in a group of its own.

    The group ends with its first process: on AWS too, whatever a function has started ends with its sandbox.

    :param on_exit: called once, from another thread, with the exit status as ``subprocess`` gives it
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        on_exit: Callable[[int], None],
    ) -> None:
        read_end, write_end = os.pipe()
        try:
            self._process = subprocess.Popen(
                [*_GATE, *command],
                stdin=subprocess.PIPE,
                stdout=write_end,
                stderr=write_end,
                env=dict(environment),
                cwd=directory,
                start_new_session=True,
            )
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        try:
            _guard.watch(self.pid)
        except OSError:
            self._process.communicate()  # closes the gate, and waits for its end
            os.close(read_end)
            raise
        self._open_gate()
        self._output = _Output(read_end)
        self._on_exit = on_exit
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._final_peak_mb = 0
        threading.Thread(target=self._await_exit, name=f"lambda-process-{self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def take_output(self) -> str:
        """All that the process has written to stdout and stderr since the last call."""
        return self._output.take()

    def peak_memory_mb(self) -> int:
        """The most memory that the process has had resident, in MB."""
        if self._ended.is_set():
            return self._final_peak_mb
        with suppress(OSError):  # there is no /proc but on Linux
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) // 1024
        return 0

    def end(self, grace: float = 0) -> None:
        """End the whole group: with SIGTERM first if there are ``grace`` seconds, then with SIGKILL."""
        if grace:
            self._signal(signal.SIGTERM)
            if self._ended.wait(grace):
                return
        self._signal(signal.SIGKILL)
        self._ended.wait()

    def _open_gate(self) -> None:
        if gate := self._process.stdin:
            with suppress(BrokenPipeError), gate:  # somebody has killed it already
                gate.write(b"\n")

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            if not self._ended.is_set():
                os.killpg(self.pid, number)

    def _await_exit(self) -> None:
        # WNOWAIT leaves a zombie: until it is reaped nobody else can get its number, and the group is safe to signal.
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            _, status, usage = os.wait4(self.pid, 0)
            exit_status = self._process.returncode = os.waitstatus_to_exitcode(status)
            self._final_peak_mb = usage.ru_maxrss // (1024 * 1024 if sys.platform == "darwin" else 1024)
            self._ended.set()
        _guard.forget(self.pid)
        self._on_exit(exit_status)


class _Output:
    """What comes out of a pipe, collected by a thread so that the writer never waits for long.

    ``take()`` needs no marker and no pause to be complete: a write is in the pipe when it returns, so everything that a
    handler printed is there before its process can post the reply. It is enough to read what the pipe holds now.
    """

    def __init__(self, pipe: int) -> None:
        os.set_blocking(pipe, False)
        self._pipe: int | None = pipe
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lock = threading.Lock()
        self._chunks: deque[str] = deque()
        self._characters = 0
        self._dropped = 0
        threading.Thread(target=self._collect, args=(pipe,), name="lambda-output", daemon=True).start()

    def take(self) -> str:
        with self._lock:
            if self._pipe is not None:
                self._read(_available(self._pipe))
            text = "".join(self._chunks)
            if self._dropped:
                text = f"[{self._dropped} characters of output dropped]\n{text}"
            self._chunks.clear()
            self._characters = self._dropped = 0
            return text

    def _collect(self, pipe: int) -> None:
        # Ends when the last writer does: later than the process, if one has left its group.
        poller = select.poll()
        poller.register(pipe, select.POLLIN)
        while self._pipe is not None:
            poller.poll()
            with self._lock:
                self._read(_READ_BYTES)

    def _read(self, count: int) -> None:
        while count > 0 and self._pipe is not None:
            try:
                chunk = os.read(self._pipe, min(count, _READ_BYTES))
            except BlockingIOError:
                return
            if not chunk:
                os.close(self._pipe)
                self._pipe = None
            self._keep(self._decoder.decode(chunk, final=not chunk))
            count -= len(chunk)

    def _keep(self, text: str) -> None:
        self._chunks.append(text)
        self._characters += len(text)
        while self._characters > MAX_PENDING_CHARACTERS:
            dropped = len(self._chunks.popleft())
            self._characters -= dropped
            self._dropped += dropped


def _available(pipe: int) -> int:
    """The number of bytes in a pipe at this moment."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)
