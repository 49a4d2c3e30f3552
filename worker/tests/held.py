"""`video-worker run` as a process that waits at a certain moment, while a test does what may happen there.

A moment is `record:TEXT`, after a job record with this text in it was written, or `before:CALL` or `after:CALL`, around
the first such call to S3.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from worker.tests.world import World

WORKER = """
import functools, sys
from worker.__main__ import main
from worker.storage import Storage

moment, what = sys.argv[1].split(":", 1)
waited = False

def wait():
    global waited
    if not waited:
        waited = True
        print(flush=True)
        sys.stdin.readline()

def around(call):
    def waiting(*arguments, **more):
        if moment == "before": wait()
        answer = call(*arguments, **more)
        if moment == "after" or moment == "record" and what.encode() in arguments[1]: wait()
        return answer
    return waiting

def prepare(storage, bucket, real=Storage.__init__):
    real(storage, bucket)
    target, name = (storage, "put_json") if moment == "record" else (storage._client, what)
    setattr(target, name, around(getattr(target, name)))

Storage.__init__ = prepare
if sys.argv[2] == "in parts":
    Storage.put_file = functools.partialmethod(Storage.put_file, single_put_bytes=0)
sys.exit(main(["run"]))
"""


class Worker:
    """A worker's process.

    Attributes:
        log: What it has written to standard error, once it has ended.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process, self.log = process, ""

    def let_go(self) -> int:
        """Let it go on if it waits; return its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.wait(60)

    def stop(self, *signals: signal.Signals, seconds: float = 10) -> int:
        """Send it these signals; return its exit code. It has to end within so many seconds."""
        for number in signals:
            self.process.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds: float) -> int:
        code = self.process.wait(seconds)
        assert self.process.stderr is not None
        self.log = self.process.stderr.read()
        return code

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def running(world: World, environment: Mapping[str, str], *command: str) -> Iterator[Worker]:
    """Start a worker, `video-worker run` or another command for Python; in the end it is gone."""
    process = subprocess.Popen(
        [sys.executable, *(command or ("-m", "worker", "run"))],
        env=os.environ | environment | {"TMPDIR": str(world.folder)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield Worker(process)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@contextmanager
def held(world: World, environment: Mapping[str, str], moment: str, in_parts: bool = False) -> Iterator[Worker]:
    """Start a worker and wait until it waits. In the end it is gone, and its folder has to be empty.

    Args:
        in_parts: Whether it publishes in a multipart upload, however small the result is.
    """
    with running(world, environment, "-c", WORKER, moment, "in parts" if in_parts else "") as worker:
        assert worker.process.stdout is not None
        reached = worker.process.stdout.readline()
        assert reached == "\n", f"it never came to {moment}: {worker.process.communicate(timeout=10)[1]}"
        yield worker
    assert list(world.folder.iterdir()) == [], "the temporary folder is left behind"
