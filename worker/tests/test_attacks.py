"""Movies made to read other files or to call a server get nothing of it, and the engine opens nothing."""

import json
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from worker.errors import CorruptInput, NoVideoStream, UnsupportedInput
from worker.local import run_local
from worker.tests.boxes import Box, edit_moov
from worker.tests.canary import SMALL, Canary, run_in_a_process
from worker.tests.hostile import TEXTS
from worker.tests.media import frames_of, make_clip


@pytest.mark.parametrize("kind", TEXTS)
def test_a_file_that_names_others(kind: str, canary: Canary) -> None:
    source = canary.folder / "source.mp4"
    source.write_bytes(TEXTS[kind](str(canary.file), canary.url))
    error = canary.attack(source, canary.folder / "logo.png")
    assert isinstance(error, CorruptInput | UnsupportedInput | NoVideoStream)


def _alias(path: Path) -> bytes:
    """A Macintosh alias record with the path as FFmpeg reads it: types 2 (absolute) and 18 (POSIX)."""
    name, where = path.name.encode(), str(path).encode()
    head = bytes(4) + struct.pack(">HHH", 0, 2, 0) + bytes([4]) + b"disk".ljust(27, b"\0") + bytes(12)
    head += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16) + struct.pack(">hh", 1, 1) + bytes(16)
    parts = b"".join(
        struct.pack(">hH", kind, len(text)) + text + b"\0" * (len(text) % 2)
        for kind, text in ((0, path.parent.name.encode()), (2, b"disk:" + where.replace(b"/", b":")), (18, where))
    )
    return head + parts + struct.pack(">hH", -1, 0)


@pytest.mark.parametrize("kind", ["url-file", "url-http", "urn", "alias"])
def test_data_references_to_other_files(kind: str, canary: Canary) -> None:
    """The samples are said to lie elsewhere: what is marked is what lies in the file itself, if anything."""
    reference = {
        "url-file": Box("url ", bytes(4) + f"file://{canary.file}".encode() + b"\0"),
        "url-http": Box("url ", bytes(4) + f"{canary.url}/a.mp4".encode() + b"\0"),
        "urn": Box("urn ", bytes(4) + b"canary\0" + f"{canary.url}/a.mp4".encode() + b"\0"),
        "alias": Box("alis", _alias(canary.file)),
    }[kind]

    def change(moov: Box) -> None:
        (dref,) = moov.all("trak", "mdia", "minf", "dinf", "dref")
        dref.payload = bytes(4) + (1).to_bytes(4) + bytes(reference)

    source = edit_moov(make_clip(canary.folder / "source.mp4", SMALL), change)
    error = canary.attack(source, canary.folder / "logo.png")
    assert error is None or isinstance(error, CorruptInput)


def test_names_that_mean_something_to_ffmpeg(canary: Canary) -> None:
    """To FFmpeg's command line these are protocols, escapes, patterns of names, and the syntax of filters."""
    folder = canary.folder / "file:a'b[0]\\,;=%{pts}%n%05d|concat:"
    folder.mkdir()
    source = make_clip(canary.folder / "source.mp4", SMALL).rename(folder / "http:%d'in\\.mp4")
    mark = Path(shutil.copy(canary.folder / "logo.png", folder / "pipe:0%n'.png"))
    (folder / "mark'.json").write_text(json.dumps({"overlays": [{"image": "pipe:0%n'.png"}]}))
    for watermark in (mark, folder / "mark'.json"):
        output = folder / "-i tcp:'%n.mp4"
        assert run_local(source, output, watermark, lambda *_: None).frames == 5
        assert len(list(frames_of(output.rename(canary.folder / "plain.mp4")))) == 5


def _can_trace() -> bool:
    return (
        bool(shutil.which("strace"))
        and subprocess.run(["strace", "-o", "/dev/null", "true"], check=False).returncode == 0
    )


@pytest.mark.skipif(not _can_trace(), reason="strace is not installed or may not trace here")
@pytest.mark.parametrize("kind", ["ordinary", "data reference", "HLS", "damaged"])
def test_the_engine_opens_nothing_once_it_looks_at_a_file(kind: str, canary: Canary) -> None:
    """From the filter on, which comes before the first byte of the file is read, the engine's calls are counted."""
    source = make_clip(canary.folder / "source.mp4", SMALL)
    if kind == "data reference":
        url = f"{canary.url}/a.mp4".encode()
        edit_moov(source, lambda moov: _replace_reference(moov, Box("url ", bytes(4) + url + b"\0")))
    elif kind == "HLS":
        source.write_bytes(TEXTS["HLS"](str(canary.file), canary.url))
    elif kind == "damaged":
        source.write_bytes(source.read_bytes()[:-300])
    calls = "%file,%network,%process,read,pread64,seccomp"
    prefix = canary.folder / "trace"
    run_in_a_process(source, canary.folder / "logo.png", "strace", "-ff", "-o", str(prefix), "-e", f"trace={calls}")
    worker, engine, *threads = _traces(prefix)
    descriptor = _descriptor_of_source(worker, source)
    reads = [at for at, call in enumerate(engine) if call.startswith((f"read({descriptor},", f"pread64({descriptor},"))]
    (filtered,) = (at for at, call in enumerate(engine) if call.startswith("seccomp("))
    assert reads
    assert reads[0] > filtered
    harmless = re.compile(
        r'newfstatat\(\d+, "", .*|.* = -1 (EPERM|ENOSYS) .*|clone\(.*CLONE_THREAD.*|(read|pread64|exit|exit_group)\(.*'
        r"|[+-]{3} .*"  # ends and signals
    )
    for calls_made in (engine[filtered + 1 :], *threads):
        assert [call for call in calls_made if not harmless.fullmatch(call)] == []
    assert canary.requests == []


def _replace_reference(moov: Box, reference: Box) -> None:
    moov.one("trak", "mdia", "minf", "dinf", "dref").payload = bytes(4) + (1).to_bytes(4) + bytes(reference)


def _traces(prefix: Path) -> list[list[str]]:
    """Return the calls of each thread, first those of the worker, then of the engine."""
    traces = [path.read_text(errors="replace").splitlines() for path in prefix.parent.glob(f"{prefix.name}.*")]

    def place(calls: list[str]) -> int:
        started = [call for call in calls if call.startswith("execve(")]
        return 2 if not started else 1 if "worker.engine" in started[0] else 0

    return sorted(traces, key=place)


def _descriptor_of_source(calls: list[str], source: Path) -> str:
    opened = re.compile(rf'openat\(AT_FDCWD, "{re.escape(str(source))}", .* = (\d+)')
    return next(match[1] for call in calls if (match := opened.fullmatch(call)))
