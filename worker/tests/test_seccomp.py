"""What the kernel refuses to a process that has the filter, and what it still can do."""

import errno
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from worker.sandbox import EngineResult
from worker.tests.media import Clip, frames_of, make_clip

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="the filter is for Linux on x86-64 and ARM64",
)

PROLOGUE = """
import ctypes, fcntl, json, os, signal, socket, sys, threading, time
from worker.seccomp import forbid_all_but_work
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
parent, descriptor = os.getppid(), os.open(sys.argv[1], os.O_RDWR)

def call(number, *arguments):
    ctypes.set_errno(0)
    if libc.syscall(number, *arguments) == -1:
        raise OSError(ctypes.get_errno(), "refused")

def tried(source):
    try:
        exec(source)
    except OSError as error:
        return error.errno
    except RuntimeError:  # what Python makes of a thread or module that cannot be had
        return -1
    return 0

"""

# On both architectures, without names: numbers from 424 on are the same.
FORBIDDEN = {
    "open for reading": "os.open('/etc/passwd', os.O_RDONLY)",
    "open for writing": "os.open(sys.argv[1] + '.new', os.O_CREAT | os.O_WRONLY)",
    "open by a newer call": "call(437, -100, b'/etc/passwd', bytes(24), 24)",  # openat2
    "list a folder": "os.listdir('/')",
    "look at a name": "os.stat('/etc/passwd')",
    "look at a name beside a descriptor": "os.stat('x', dir_fd=descriptor)",
    "look at a name by a newer call": "call({'x86_64': 332, 'aarch64': 291}[os.uname().machine], -100, b'/', 0, 0, 0)",
    "remove": "os.unlink(sys.argv[1])",
    "rename": "os.rename(sys.argv[1], sys.argv[1] + '.new')",
    "link": "os.link(sys.argv[1], sys.argv[1] + '.new')",
    "make a symbolic link": "os.symlink('/etc/passwd', sys.argv[1] + '.new')",
    "make a folder": "os.mkdir(sys.argv[1] + '.new')",
    "truncate by name": "os.truncate(sys.argv[1], 0)",
    "change the mode": "os.chmod(sys.argv[1], 0)",
    "change the mode by descriptor": "os.fchmod(descriptor, 0)",
    "change folder": "os.chdir('/')",
    "internet socket": "socket.socket()",
    "local socket": "socket.socket(socket.AF_UNIX)",
    "pair of sockets": "socket.socketpair()",
    "start a program": "os.execv('/bin/true', ['true'])",
    "start a process": "os.fork()",
    "spawn": "os.posix_spawn('/bin/true', ['true'], {})",
    "signal its parent": "os.kill(parent, 0)",
    "signal its group": "os.killpg(0, 0)",
    "read another process": "call({'x86_64': 310, 'aarch64': 270}[os.uname().machine], parent, None, 0, None, 0, 0)",
    "trace": "call({'x86_64': 101, 'aarch64': 117}[os.uname().machine], 0, 0, None, None)",
    "outlive its parent": "call({'x86_64': 157, 'aarch64': 167}[os.uname().machine], 1, 0, 0, 0, 0)",  # by prctl
    "limits of another process": "call({'x86_64': 302, 'aarch64': 261}[os.uname().machine], parent, 7, None, None)",
    "io_uring": "call(425, 1, bytes(120))",
    "copy of another's descriptor": "call(438, 0, 0, 0)",  # pidfd_getfd
    "landlock": "call(444, None, 0, 1)",
    "pipe": "os.pipe()",
    "terminal": "fcntl.ioctl(descriptor, 0x5412, b'x')",  # TIOCSTI
    "signals by descriptor": "fcntl.fcntl(descriptor, fcntl.F_SETOWN, parent)",
    "memory as a file": "os.memfd_create('x')",
    "x32's calls": "call(0x40000000 | 2, b'/etc/passwd', 0)",
}

ALLOWED = {
    "read": "os.lseek(descriptor, 0, 0); assert os.read(descriptor, 5) == b'hello'",
    "write": "os.pwrite(descriptor, b'!', 5); os.fsync(descriptor); os.ftruncate(descriptor, 6)",
    "size": "assert os.fstat(descriptor).st_size == 6",
    "buffered": "os.fdopen(descriptor, 'rb', closefd=False).read()",
    "copy a descriptor": "os.close(os.dup(descriptor))",
    "threads": "thread = threading.Thread(target=print); thread.start(); thread.join()",
    "memory": "bytearray(100_000_000)",
    "clock": "time.sleep(0.001); time.monotonic(); os.urandom(8)",
    "processors": "assert os.cpu_count(); assert os.sched_getaffinity(0)",
}


def run(script: str, file: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", "-c", PROLOGUE + script, str(file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """The error number of each attempt, 0 if it went well, -1 for an error without a number."""
    file = tmp_path_factory.mktemp("seccomp") / "file"
    file.write_text("hello")
    attempts = FORBIDDEN | ALLOWED
    script = f"""
threads = [threading.Thread(target=lambda: (gate.wait(), seen.append(tried("os.open('/etc/passwd', 0)"))))]
gate, seen = threading.Event(), []
threads[0].start()
held = forbid_all_but_work()
gate.set()
threads[0].join()
outcomes = {{name: tried(source) for name, source in {attempts}.items()}}
print(json.dumps(outcomes | {{"holds": held, "in an older thread": seen[0]}}))
"""
    ended = run(script, file)
    assert ended.returncode == 0, ended.stderr
    assert file.read_text() == "hello!"
    assert list(file.parent.iterdir()) == [file]
    outcomes: dict[str, int] = json.loads(ended.stdout.splitlines()[-1])
    if not outcomes["holds"]:
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail("this system refuses the filter, but REQUIRE_ALL=1 wants a machine that has all")
        pytest.skip("this container forbids filters of one's own")
    return outcomes


@pytest.mark.parametrize("attempt", FORBIDDEN)
def test_it_reaches_nothing_else(attempt: str, outcomes: dict[str, int]) -> None:
    assert outcomes[attempt] in (errno.EPERM, errno.ENOSYS)


@pytest.mark.parametrize("work", ALLOWED)
def test_it_can_work(work: str, outcomes: dict[str, int]) -> None:
    assert outcomes[work] == 0


def test_threads_that_were_there_before_have_it_too(outcomes: dict[str, int]) -> None:
    assert outcomes["in an older thread"] == errno.EPERM


def test_it_still_can_abort(tmp_path: Path) -> None:
    """A codec whose assertion fails ends in SIGABRT, which the worker reports."""
    (tmp_path / "file").touch()
    assert run("forbid_all_but_work()\nos.abort()", tmp_path / "file").returncode == -6


@pytest.mark.skipif(platform.machine() != "x86_64", reason="only x86-64 has a second set of calls")
def test_the_calls_of_32_bits_end_the_process(tmp_path: Path) -> None:
    """int 0x80 has other numbers: what is `read` there would be another call here."""
    (tmp_path / "file").touch()
    code = "b8 14 00 00 00 cd 80 c3"  # mov eax, 20 (getpid); int 0x80; ret
    script = f"""
import mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex({code!r}))
getpid = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
print("before", flush=True)
if not forbid_all_but_work():
    os.abort()
getpid()
print("after", flush=True)
"""
    ended = run(script, tmp_path / "file")
    assert ended.stdout == "before\n"
    assert ended.returncode < 0


# Between this and the worker is a filter that lets no other be installed, as some containers have one.
REFUSING = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
number = {"x86_64": 317, "aarch64": 277}[os.uname().machine]  # seccomp
code = b"".join(struct.pack("@HBBI", *parts) for parts in (
    (0x20, 0, 0, 0),  # load the number of the call
    (0x15, 0, 1, number),
    (0x06, 0, 0, 0x00050000 | ERROR),
    (0x06, 0, 0, 0x7FFF0000),  # allow
))
program = ctypes.create_string_buffer(code, len(code))
description = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(program)))
libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
libc.prctl(22, 2, description)  # PR_SET_SECCOMP; where that is refused as well, there is no need of it
os.execv(sys.executable, [sys.executable, "-m", "worker.cli", *sys.argv[1:]])
"""


@pytest.mark.parametrize("error", ["EPERM", "EINVAL"])
def test_where_the_filter_is_refused_the_video_is_watermarked_and_a_note_says_so(
    error: str, tmp_path: Path, logo: Path
) -> None:
    source, output = make_clip(tmp_path / "source.mp4"), tmp_path / "output.mp4"
    script = REFUSING.replace("ERROR", str(getattr(errno, error)))
    command = [sys.executable, "-c", script, "local", str(source), str(output), "--watermark", str(logo)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "note: This system refuses the kernel's filter of system calls (seccomp)" in ended.stdout
    assert len(frames_of(output)) == 25


def test_where_the_filter_holds_there_is_no_such_note(
    outcomes: dict[str, int], engine: Callable[..., tuple[Path, Path, EngineResult]]
) -> None:
    assert outcomes["holds"]
    _, _, result = engine(Clip())
    assert result.notes == []
