"""The account that the tests run against, and what they need to look at it from outside."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import boto3
import pytest

from scripts.account import use_account
from scripts.pipeline import JobNotFinished, JobRecord, Pipeline
from scripts.sample_media import make_clip

ROOT = Path(__file__).resolve().parent.parent
EMULATOR = str(ROOT / "scripts" / "emulator.sh")
JOB_TIMEOUT_SECONDS = 240
LOG_TAIL_LINES = 20

WaitForJob = Callable[[str], JobRecord]


def pytest_configure() -> None:
    """A SIGTERM ends the run as Ctrl-C does: in order, with the account taken down."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def emulator(command: list[str], home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``scripts/emulator.sh`` for the account in the folder ``home``."""
    return subprocess.run(
        [EMULATOR, *command],
        env={**os.environ, "EMULATOR_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An emulated account of this run's own, with short pauses between attempts. Returns its folder."""
    home = tmp_path_factory.mktemp("account")
    started = emulator(
        ["up"],
        home,
        STACK_PARAMETERS='{"RetryDelays": "1, 1"}',
        FARGATE_MAX_TASKS="2",
    )
    if started.returncode:
        pytest.fail(f"scripts/emulator.sh up failed:\n{started.stderr}")
    before = dict(os.environ)
    use_account(started.stdout)
    yield home
    os.environ.clear()
    os.environ.update(before)
    emulator(["down"], home)


@pytest.fixture(scope="session")
def pipeline(account: Path) -> Pipeline:  # noqa: ARG001 - it sets the environment that the SDK reads
    return Pipeline.of_stack()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of two seconds, small enough that a job is over soon."""
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    make_clip(path, width=320, height=180, rate=25, seconds=2)
    return path


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that takes long enough to encode that a test can do something meanwhile."""
    path = tmp_path_factory.mktemp("media") / "long.mp4"
    make_clip(path, width=1280, height=720, rate=30, seconds=20)
    return path


@pytest.fixture(scope="session")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short video that is large, for nothing in it can be compressed: its result needs more than one part."""
    path = tmp_path_factory.mktemp("media") / "noise.mp4"
    width, height, frames = 640, 360, 150
    with av.open(str(path), "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "14"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in range(frames):
            frame = av.VideoFrame(width, height, "yuv420p")
            for plane in frame.planes:
                plane.update(os.urandom(plane.buffer_size))
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def wait_for_job(pipeline: Pipeline) -> WaitForJob:
    """Wait for the end of an upload's job; a test that waits in vain shows all that is known of it."""

    def wait(version_id: str) -> JobRecord:
        try:
            *_, last = pipeline.follow(version_id, timeout=JOB_TIMEOUT_SECONDS, poll=0.2)
        except JobNotFinished as error:
            pytest.fail(f"{error}\n{_what_the_task_says(pipeline, error.record)}")
        return last

    return wait


def _what_the_task_says(pipeline: Pipeline, record: JobRecord | None) -> str:
    if not record or not record.get("task_arn"):
        return "No task has taken the job up: look at the function's log and the execution's history."
    task = boto3.client("ecs").describe_tasks(cluster=pipeline.outputs["ClusterName"], tasks=[record["task_arn"]])
    [described] = task["tasks"] or [{}]
    container: dict[str, Any] = (described.get("containers") or [{}])[0]
    logs = boto3.client("logs")
    group = pipeline.outputs["WorkerLogGroup"]
    stream = f"worker/{container.get('name')}/{record['task_arn'].rsplit('/', 1)[-1]}"
    events = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=LOG_TAIL_LINES)["events"]
    lines = "\n".join(event["message"] for event in events)
    return (
        f"task {described.get('lastStatus')}, stoppedReason {described.get('stoppedReason')!r}, "
        f"exit code {container.get('exitCode')}; the last lines of its log:\n{lines}"
    )
