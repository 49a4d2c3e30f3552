"""The parent's side of the engine: starts it without environment or credentials, listens, and ends it in every case."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from worker.errors import EncodeFailed, InternalError, Interrupted, OutOfMemory, StepTimeout, WatermarkError, from_code
from worker.memory import MemoryGauge, out_of_memory_kills
from worker.resources import Resources

SILENCE_SECONDS = 60.0  # a frame takes seconds at the very worst
CLOSING_BYTES_PER_SECOND = 25_000_000  # moving the index in front rewrites the file, in silence
# A reader of the record sees news every 5 s: the record may have skipped an event up to 2 s after its last write, and
# the heartbeat comes this long after that event at the latest.
HEARTBEAT_SECONDS = 2.5
LOG_TAIL_BYTES = 4000
# What the engine says ends up in the job record, which Step Functions reads: 256 KB at most, in all.
MAX_LINE_BYTES = 1 << 16

ENGINE = (sys.executable, "-I", "-X", "utf8", "-m", "worker.engine")

Progress = Callable[[str, float], None]
Measured = Callable[[float, float], None]


@dataclass(frozen=True)
class EngineResult:
    """What the engine did.

    Attributes:
        duration: Seconds of video in the verified result.
        codec: What the picture is coded as: h264, hevc or av1.
        notes: Sentences about what is not as in the source.
        timings: Seconds by phase.
        render: Which way the picture went: `mode` is smart where parts of it were copied, else full; `reason` is a
            sentence; `frames_encoded` a number.
        memory: `estimated_mb` before the encode, and `peak_mb` in the end, of the engine's process; 0 where the system
            does not tell.
    """

    duration: float
    frames: int
    codec: str
    notes: list[str]
    timings: dict[str, float]
    render: dict[str, Any]
    memory: dict[str, int]


def output_limit(source_bytes: int) -> int:
    """Return the largest size in bytes that a result may have; maxrate keeps a sane one far below."""
    return 4 * source_bytes + 256 * 1024 * 1024


def run_engine(
    source: BinaryIO,
    output: Path,
    watermark: Mapping[str, Any],
    watermark_name: str,
    images: Mapping[str, Path],
    progress: Progress,
    resources: Resources,
    profile: str = "balanced",
    smart: bool = True,
    silence_seconds: float = SILENCE_SECONDS,
    measured: Measured = lambda _duration, _pixels: None,
    command: tuple[str, ...] = ENGINE,
) -> EngineResult:
    """Encode and verify in a process of its own.

    Args:
        source: The input; the engine gets its descriptor, not its name.
        output: The result; overwritten. The engine gets its descriptors, not its name.
        watermark: The watermark's document.
        images: Files of the images that it names.
        progress: Called with a phase and the share of it that is done, 0 to 1; with the same ones again as a heartbeat
            while the engine is silent.
        resources: What this process and the engine may use together.
        smart: Whether parts of the picture may be copied.
        silence_seconds: How long the engine may do without any progress.
        measured: Called once the engine knows how many seconds the video has, and how many pixels all of its frames.

    Raises:
        WatermarkError: What the engine reported; EncodeFailed if it crashed; StepTimeout if it fell silent.
    """
    with ExitStack() as stack:
        gauge = stack.enter_context(MemoryGauge())
        files = {name: stack.enter_context(path.open("rb")) for name, path in images.items()}
        writing, reading = stack.enter_context(output.open("wb")), stack.enter_context(output.open("rb"))
        request = {
            "work": "watermark",
            "input": source.fileno(),
            "output": (writing.fileno(), reading.fileno()),
            "output_bytes": output_limit(os.fstat(source.fileno()).st_size),
            "watermark": watermark,
            "watermark_name": watermark_name,
            "images": {name: file.fileno() for name, file in files.items()},
            "profile": profile,
            "smart": smart,
            "cpus": resources.cpus,
            "memory": resources.memory,
            "memory_taken": gauge.own(),
        }
        handed = (source, writing, reading, *files.values())
        return EngineResult(**ask(request, handed, progress, measured, silence_seconds, writing, command))


def ask(
    request: Mapping[str, Any],
    files: Iterable[BinaryIO],
    progress: Progress = lambda _phase, _share: None,
    measured: Measured = lambda _duration, _pixels: None,
    silence_seconds: float = SILENCE_SECONDS,
    output: BinaryIO | None = None,
    command: tuple[str, ...] = ENGINE,
) -> dict[str, Any]:
    """Hand a request to an engine's process and return the fields of its result.

    Args:
        request: As `worker.engine.__main__` wants it, with the descriptors of `files` in it.
        files: What the engine gets besides the request; nothing else is open in it.
        progress, measured, silence_seconds: As in `run_engine`.
        output: Whose closing may take as long as it is large.

    Raises:
        WatermarkError
    """
    kills_before = out_of_memory_kills()
    with ExitStack() as stack:
        stdin, stderr = stack.enter_context(TemporaryFile()), stack.enter_context(TemporaryFile())
        stdin.write(json.dumps({"parent": os.getpid(), **request}).encode())
        stdin.seek(0)
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={},
            pass_fds=[file.fileno() for file in files],
            process_group=0,
        )
        stack.callback(_end, process)
        return _listen(process, output, stderr, progress, measured, silence_seconds, kills_before)


def _listen(
    process: subprocess.Popen[bytes],
    output: BinaryIO | None,
    stderr: BinaryIO,
    progress: Progress,
    measured: Measured,
    silence_seconds: float,
    kills_before: int,
) -> dict[str, Any]:
    result: dict[str, Any] | None = None
    phase, share = "PROBING", 0.0  # its first one: starting takes seconds where the CPU is slow
    for event in _events(process, output, silence_seconds):
        if event is None:
            progress(phase, share)
            continue
        match event:
            case {"event": "progress", "phase": str(phase), "share": float() | int() as share}:
                progress(phase, share)
            case {"event": "measured", "duration": float() | int() as duration, "pixels": float() | int() as pixels}:
                measured(duration, pixels)
            case {"event": "result", **fields}:
                result = fields
            case {"event": "error", "code": str(code), "message": str(message), "hint": str(hint), **more}:
                wanted = more.get("memory_mb")
                raise _with_log(from_code(code, message, hint, wanted if isinstance(wanted, int) else None), stderr)
    try:
        exit_code = process.wait(silence_seconds)
    except subprocess.TimeoutExpired as error:
        raise StepTimeout("The engine fell silent without ending and was stopped.") from error
    if exit_code == 0 and result is not None:
        return result
    raise _with_log(_crash(exit_code, out_of_memory_kills() - kills_before), stderr)


def _events(
    process: subprocess.Popen[bytes], output: BinaryIO | None, silence_seconds: float
) -> Iterator[dict[str, Any] | None]:
    """Yield the engine's events until it closes the pipe, and None whenever there is none for HEARTBEAT_SECONDS."""
    assert process.stdout is not None  # noqa: S101 - opened by run_engine; for the type checker
    buffer, allowed = b"", silence_seconds
    last_event = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            left = last_event + allowed - time.monotonic()
            # Once more even if nothing is left: what came while the caller was busy with an event counts.
            if not selector.select(max(0.0, min(left, HEARTBEAT_SECONDS))):
                if time.monotonic() >= last_event + allowed:
                    raise StepTimeout(f"The engine made no progress for {allowed:.0f} s and was stopped.")
                yield None
                continue
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                return
            buffer += chunk
            *lines, buffer = buffer.split(b"\n")
            if max(map(len, (buffer, *lines))) > MAX_LINE_BYTES:
                raise InternalError("The engine wrote what is no event.")
            for line in lines:
                event = _parse(line)
                allowed = silence_seconds
                if event.get("event") == "closing" and output is not None:
                    allowed += os.fstat(output.fileno()).st_size / CLOSING_BYTES_PER_SECOND
                yield event
                last_event = time.monotonic()


def _parse(line: bytes) -> dict[str, Any]:
    # A process that decodes untrusted data is not trusted itself.
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise InternalError("The engine wrote what is no event.")
    return event


def _crash(exit_code: int, out_of_memory_kills: int) -> WatermarkError:
    if exit_code == -signal.SIGKILL and out_of_memory_kills > 0:
        return OutOfMemory("The engine was killed while it worked: there was no memory left.")
    if exit_code == -signal.SIGKILL:
        return Interrupted("The engine was killed from outside while it worked.")
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        return EncodeFailed(f"The engine crashed on this video ({name}).")
    return EncodeFailed(f"The engine ended without a result (exit code {exit_code}).")


def _with_log(error: WatermarkError, stderr: BinaryIO) -> WatermarkError:
    """Attach the tail of the engine's log as a note, which ends up in the worker's log."""
    size = stderr.seek(0, os.SEEK_END)
    stderr.seek(max(0, size - LOG_TAIL_BYTES))
    tail = stderr.read().decode(errors="replace").strip()
    if tail:
        error.add_note(tail)
    return error


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the engine's whole process group, whatever state it is in, and reap it."""
    if process.stdout is not None:
        process.stdout.close()
    # Also if the engine itself has ended: what it started may not have. Its id stays the group's until all are gone.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
