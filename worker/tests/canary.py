"""Proof that a hostile file gets nothing: a file with a random token, and a server that writes down every request."""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from worker.errors import WatermarkError
from worker.local import run_local
from worker.tests.media import Clip, make_clip, make_logo

# The index lies at its end, where it may grow.
SMALL = Clip(64, 48, seconds=0.2, languages=(), movflags="+disable_chpl")

# Peak memory is inherited at a start: something small has to stand between this process and what is measured.
_MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@dataclass
class Canary:
    """What must not be touched.

    Attributes:
        folder: Of the attack; the canary lies in it.
        url: Of the server.
        requests: What the server was asked for.
    """

    folder: Path
    url: str
    token: bytes = field(default_factory=lambda: secrets.token_hex(16).encode())
    requests: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "canary.mp4"

    def attack(self, source: Path, watermark: Path) -> WatermarkError | None:
        """Run the worker on hostile files and return its error, if it had one; it gave nothing away in any case."""
        output = self.folder / "out" / "out.mp4"
        output.parent.mkdir(exist_ok=True)
        error, told = None, ""
        try:
            told = str(run_local(source, output, watermark, lambda *_: None))
        except WatermarkError as caught:
            error, told = caught, "\n".join([caught.message, caught.hint, *getattr(caught, "__notes__", [])])
        assert self.requests == []
        assert self.token.decode() not in told
        if error:
            assert list(output.parent.iterdir()) == []
        else:
            assert [path.name for path in output.parent.iterdir()] == ["out.mp4"]
            assert self.token not in output.read_bytes()
        return error


@contextmanager
def watch(folder: Path) -> Iterator[Canary]:
    """Put a canary into a folder, and a small logo beside it; its server answers while the block runs."""
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_error(404)

        do_HEAD = do_POST = do_PUT = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    canary = Canary(folder, f"http://127.0.0.1:{server.server_port}", requests=requests)
    # A video that could be played, and says its token in the title and behind its end.
    make_clip(canary.file, Clip(64, 48, seconds=0.2, metadata={"title": canary.token.decode()}))
    canary.file.write_bytes(canary.file.read_bytes() + canary.token)
    make_logo(folder / "logo.png", (16, 16))
    try:
        yield canary
    finally:
        server.shutdown()
        server.server_close()


def run_in_a_process(source: Path, watermark: Path, *tracer: str) -> tuple[int, int]:
    """Run `video-worker local`; return its exit code and the most KB that a process of it had in memory."""
    files = [str(source), str(source.parent / "processed.mp4"), "--watermark", str(watermark)]
    command = [sys.executable, "-c", _MEASURE, *tracer, sys.executable, "-m", "worker", "local", *files]
    code, peak = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.split()
    return int(code), int(peak)
