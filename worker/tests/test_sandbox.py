import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from worker.errors import DiskFull, EncodeFailed, InternalError, Interrupted, OutOfMemory, StepTimeout, WatermarkError
from worker.local import run_local
from worker.memory import MemoryGauge
from worker.resources import MIB, Resources
from worker.sandbox import Progress, run_engine
from worker.tests.media import make_logo

RESOURCES = Resources(cpus=0.25, memory=512 * MIB)
AMPLE = Resources(cpus=0.25, memory=4096 * MIB)  # also for a process that has run many tests


def run_script(
    tmp_path: Path, script: str, progress: Progress = lambda *_: None, **settings: Any
) -> None:  # fmt: skip
    """Run a script in the engine's place."""
    source = tmp_path / "source"
    source.write_bytes(b"x")
    prologue = "import os, sys, json, time, signal\nrequest = json.load(sys.stdin)\n"
    with source.open("rb") as file:
        run_engine(
            file, tmp_path / "out", {}, "a.png", {}, progress, RESOURCES,
            command=(sys.executable, "-I", "-c", prologue + textwrap.dedent(script)), **settings,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("script", "error", "word"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", EncodeFailed, "SIGSEGV"),
        ("os.abort()", EncodeFailed, "SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGKILL)", Interrupted, "killed from outside"),
        ("sys.exit(3)", EncodeFailed, "exit code 3"),
        ("pass", EncodeFailed, "without a result"),
        ("print('no event')", InternalError, "no event"),
        ("print('[]')", InternalError, "no event"),
    ],
)
def test_an_engine_that_dies_is_an_error_of_the_job(
    tmp_path: Path, script: str, error: type[WatermarkError], word: str
) -> None:  # fmt: skip
    with pytest.raises(error, match=word):
        run_script(tmp_path, script)


@pytest.mark.parametrize(
    "content", ["low 0\nhigh 0\noom 1\noom_kill {}\n", "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"]
)
def test_an_engine_that_the_kernel_kills_for_memory_is_told_from_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    counter = tmp_path / "counter"
    counter.write_text(content.format(2))
    monkeypatch.setattr("worker.memory._COUNTERS", (tmp_path / "no such file", counter))
    killed = f"open({str(counter)!r}, 'w').write({content.format(3)!r})\nos.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(OutOfMemory, match="memory"):
        run_script(tmp_path, killed)


def test_the_engine_hears_what_it_may_use(tmp_path: Path) -> None:
    with pytest.raises(EncodeFailed) as caught:
        run_script(
            tmp_path,
            """
            said = f"{request['cpus']} {request['memory']} {request['memory_taken']}"
            print(json.dumps({"event": "error", "code": "ENCODE_FAILED", "message": said, "hint": "h"}))
            """,
        )
    cpus, memory, taken = map(float, caught.value.message.split())
    assert (cpus, memory) == (RESOURCES.cpus, RESOURCES.memory)
    with MemoryGauge() as gauge:
        assert taken == pytest.approx(gauge.own(), rel=0.1)  # this process has that, against the same limit


def test_the_log_of_a_dying_engine_comes_along(tmp_path: Path) -> None:
    with pytest.raises(EncodeFailed) as caught:
        run_script(tmp_path, "print('last words', file=sys.stderr, flush=True)\nos.abort()")
    assert "last words" in "".join(caught.value.__notes__)


def test_a_silent_engine_is_ended_with_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"""
        import subprocess
        child = subprocess.Popen(["sleep", "60"])
        open({str(pid_file)!r}, "w").write(str(child.pid))
        time.sleep(60)
    """
    with pytest.raises(StepTimeout):
        run_script(tmp_path, script, silence_seconds=1.0)
    wait_until_gone(int(pid_file.read_text()))


def test_an_engine_that_has_ended_leaves_no_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"""
        import subprocess
        child = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL)
        open({str(pid_file)!r}, "w").write(str(child.pid))
        sys.exit(3)
    """
    with pytest.raises(EncodeFailed, match="exit code 3"):
        run_script(tmp_path, script)
    wait_until_gone(int(pid_file.read_text()))


def test_an_engine_that_closes_its_pipe_and_stays_is_ended(tmp_path: Path) -> None:
    with pytest.raises(StepTimeout, match="without ending"):
        run_script(tmp_path, "os.close(1)\ntime.sleep(60)", silence_seconds=1.0)


@pytest.mark.parametrize(
    "hang",
    [
        "os.kill(os.getpid(), signal.SIGSTOP)",
        "import ctypes; ctypes.PyDLL(None).sleep(60)",  # in native code, and without letting Python's threads run
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65)); time.sleep(60)",
        "print(json.dumps({'event': 'closing'}), flush=True); time.sleep(60)",
    ],
)
def test_an_engine_that_hangs_in_any_way_is_ended(tmp_path: Path, hang: str) -> None:
    pid_file = tmp_path / "pid"
    begin = time.monotonic()
    with pytest.raises(StepTimeout, match="no progress for 1 s"):
        run_script(tmp_path, f"open({str(pid_file)!r}, 'w').write(str(os.getpid()))\n{hang}", silence_seconds=1.0)
    assert time.monotonic() - begin < 10
    assert not Path(f"/proc/{pid_file.read_text()}").exists()


def test_moving_the_index_of_a_large_result_may_take_as_long_as_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.sandbox.CLOSING_BYTES_PER_SECOND", 100)
    run_script(tmp_path, "os.write(request['output'][0], bytes(1000))\n" + CLOSING + "time.sleep(2)\n" + RESULT,
               silence_seconds=1.0)  # fmt: skip


def test_what_the_engine_says_of_the_video_is_heard(tmp_path: Path) -> None:
    heard: list[tuple[float, float]] = []
    measured = "print(json.dumps({'event': 'measured', 'duration': 2.5, 'pixels': 1000}))\n"
    run_script(tmp_path, measured + RESULT, measured=lambda *told: heard.append(told))
    assert heard == [(2.5, 1000)]


def test_more_words_than_a_record_holds_are_no_event(tmp_path: Path) -> None:
    wordy = "print(json.dumps({'event': 'error', 'code': 'ENCODE_FAILED', 'message': 'm' * 100_000, 'hint': 'h'}))"
    with pytest.raises(InternalError, match="no event"):
        run_script(tmp_path, wordy)


@pytest.fixture
def quick_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.sandbox.HEARTBEAT_SECONDS", 0.2)


ENCODING = "print(json.dumps({'event': 'progress', 'phase': 'ENCODING', 'share': 0.5}), flush=True)\n"
CLOSING = "print(json.dumps({'event': 'closing'}), flush=True)\n"
RESULT = (
    "print(json.dumps({'event': 'result', 'duration': 1, 'frames': 1, 'codec': 'h264', 'notes': [], 'timings': {}, "
    "'render': {}, 'memory': {}}))\n"
)


@pytest.mark.usefixtures("quick_heartbeat")
def test_a_silent_engine_has_a_heartbeat(tmp_path: Path) -> None:
    seen: list[tuple[str, float]] = []
    run_script(
        tmp_path,
        "time.sleep(1)\n" + ENCODING + "time.sleep(1)\n" + CLOSING + "time.sleep(1)\n" + RESULT,
        lambda phase, share: seen.append((phase, share)),
        silence_seconds=10.0,
    )
    first = seen.index(("ENCODING", 0.5))
    assert set(seen[:first]) == {("PROBING", 0.0)}
    assert set(seen[first:]) == {("ENCODING", 0.5)}
    assert first >= 3
    assert len(seen) - first >= 6


@pytest.mark.usefixtures("quick_heartbeat")
def test_a_heartbeat_does_not_count_as_news_of_the_engine(tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(StepTimeout, match="no progress for 1 s"):
        run_script(tmp_path, ENCODING + "time.sleep(60)", lambda *_: time.sleep(0.3), silence_seconds=1.0)
    assert time.monotonic() - begin < 10


@pytest.mark.usefixtures("quick_heartbeat")
def test_what_the_engine_says_while_the_worker_is_busy_counts(tmp_path: Path) -> None:
    encoding = 0

    def be_slow_in_heartbeats(phase: str, _share: float) -> None:
        nonlocal encoding
        encoding += phase == "ENCODING"
        if encoding > 1:
            time.sleep(1.5)

    run_script(tmp_path, ENCODING + "time.sleep(0.6)\n" + RESULT, be_slow_in_heartbeats, silence_seconds=1.0)
    assert encoding == 2


def test_the_engine_sees_no_environment_and_only_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    secret = (tmp_path / "secret").open("w")
    os.set_inheritable(secret.fileno(), True)
    with secret, pytest.raises(EncodeFailed, match="kept to itself"):
        run_script(
            tmp_path,
            """
            assert "AWS_SECRET_ACCESS_KEY" not in os.environ, "environment"
            links = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if int(fd) > 2
                     and os.path.exists(f"/proc/self/fd/{fd}")]
            assert all(link.endswith(("/source", "/out")) or link.startswith("/proc") for link in links), links
            assert os.getpgid(0) == os.getpid(), "process group"
            print(json.dumps({"event": "error", "code": "ENCODE_FAILED", "message": "kept to itself", "hint": "h"}))
            """,
        )


def test_a_result_cannot_grow_without_end(
    clip: Path, logo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.sandbox.output_limit", lambda _source_bytes: 5_000)
    with pytest.raises(EncodeFailed, match="beyond"):
        run_local(clip, tmp_path / "out.mp4", logo, lambda *_: None)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_told(clip: Path, logo: Path) -> None:
    document = {"overlays": [{"image": "a.png"}]}
    with clip.open("rb") as source, pytest.raises(DiskFull):
        run_engine(source, Path("/dev/full"), document, "a.png", {"a.png": logo}, lambda *_: None, AMPLE)


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":
            return
        time.sleep(0.02)
    pytest.fail(f"process {pid} still runs")


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def long_run(tmp_path: Path, endless_clip: Path) -> Any:
    """`video-worker local` in the middle of a long encode; its engine's process id."""
    make_logo(tmp_path / "logo.png")
    output = tmp_path / "out" / "out.mp4"
    output.parent.mkdir()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "worker",
            "local",
            str(endless_clip),
            str(output),
            "--watermark",
            str(tmp_path / "logo.png"),
        ],
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 20
    while not any(path.stat().st_size for path in output.parent.iterdir()):
        assert time.monotonic() < deadline, "the encode did not begin"
        time.sleep(0.02)
    (engine,) = children_of(process.pid)
    yield process, engine, output
    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_both_at_once_and_leaves_nothing(number: signal.Signals, long_run: Any) -> None:
    process, engine, output = long_run
    process.send_signal(number)
    _, stderr = process.communicate(timeout=10)
    assert process.returncode == 43
    assert b"INTERRUPTED" in stderr
    wait_until_gone(engine)
    assert list(output.parent.iterdir()) == []


def test_the_engine_dies_with_its_worker(long_run: Any) -> None:
    process, engine, _ = long_run
    process.kill()
    wait_until_gone(engine)


def test_a_killed_engine_is_reported(long_run: Any) -> None:
    process, engine, output = long_run
    os.kill(engine, signal.SIGSEGV)
    _, stderr = process.communicate(timeout=10)
    assert process.returncode == EncodeFailed.exit_code
    assert b"ENCODE_FAILED" in stderr
    assert list(output.parent.iterdir()) == []


def test_the_engine_is_the_first_to_be_killed_for_memory(long_run: Any) -> None:
    _, engine, _ = long_run
    assert Path(f"/proc/{engine}/oom_score_adj").read_text() == "1000\n"
