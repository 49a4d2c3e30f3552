"""The first process of a "container" that is a process: starts the command, and ends everything it left behind.

    python -I -S container_init.py LIFELINE DIRECTORY

LIFELINE is the number of a pipe's reading end. The command comes first on it: eight digits with its length, then its
parts with a NUL between them. (Were it on the command line, whoever looks for the command's process to kill it would
find and kill this one, too.) After that, the byte ``T`` on it sends SIGTERM to the command. When it is closed,
by hand or because the emulator is no more (even by SIGKILL), every process of the container is killed and DIRECTORY,
its own, is removed. The exit code is the command's: 128 + N after signal N.

Runs in a process of its own, which starts faster for importing little.
"""

import ctypes
import os
import select
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def prctl(option: int, value: int) -> None:
    """Call prctl(2); a system without it does without the safety that it gives."""
    function = getattr(ctypes.CDLL(None), "prctl", None)
    if function is not None:
        function(option, value, 0, 0, 0)


def read_command(lifeline: int) -> list[str]:
    """Read the command from the pipe, and not a byte more."""
    data = b""
    length = 8
    while len(data) < length:
        part = os.read(lifeline, length - len(data))
        if not part:
            os._exit(137)
        data += part
        if len(data) == 8:
            length = 8 + int(data)
    return [os.fsdecode(argument) for argument in data[8:].split(b"\0")]


def start(command: list[str]) -> int:
    """Start the command in a session of its own; returns its process id."""
    own_pid = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != own_pid:  # died before we asked to be told
            os._exit(137)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        forget_coerced_locale()
        os.execvp(command[0], command)  # noqa: S606 - there is no shell, and none is wanted
    except OSError as error:
        os.write(2, f"exec {command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def forget_coerced_locale() -> None:
    """Take away the LC_CTYPE that Python adds to its environment if that has no locale."""
    try:
        with open("/proc/self/environ", "rb") as given:  # noqa: PTH123
            variables = given.read().split(b"\0")
    except OSError:
        return
    if not any(variable.startswith(b"LC_CTYPE=") for variable in variables):
        os.environ.pop("LC_CTYPE", None)


def children() -> list[int]:
    """Process ids of our children: the descendants that lost their parents are among them."""
    try:
        with open("/proc/thread-self/children") as listing:  # noqa: PTH123 - pathlib takes 10 ms to import
            return [int(pid) for pid in listing.read().split()]
    except OSError:
        return []


def kill_everything(command_pid: int) -> None:
    """Kill all descendants and wait until they are gone."""
    while True:
        for pid in (*children(), -command_pid):
            try:  # noqa: SIM105 - contextlib takes time to import, and every task would wait for it
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def reap(command_pid: int) -> int | None:
    """Collect the children that have ended; returns the command's exit code if it is among them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if not pid:
            return code
        if pid == command_pid:
            code = os.waitstatus_to_exitcode(status)


def main(lifeline: int, directory: str) -> int:
    """Run the command to its end; returns the exit code."""
    command = read_command(lifeline)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    wake_up, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    command_pid = start(command)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: os.kill(command_pid, received))
    watched = [lifeline, wake_up]
    while True:
        readable = select.select(watched, [], [])[0]
        if wake_up in readable:
            os.read(wake_up, 4096)
            code = reap(command_pid)
            if code is not None:
                break
        if lifeline in readable:
            if os.read(lifeline, 1) == b"T":
                os.kill(command_pid, signal.SIGTERM)
            else:
                os.kill(command_pid, signal.SIGKILL)
                watched.remove(lifeline)
    kill_everything(command_pid)
    if lifeline not in watched:
        import shutil

        shutil.rmtree(directory, ignore_errors=True)
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    os._exit(main(int(sys.argv[1]), sys.argv[2]))
