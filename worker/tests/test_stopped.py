"""A signal to end, at any moment: nothing half-done is left, the record says so, and the process is gone in 10 s."""

import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from worker import settings as names
from worker.errors import Interrupted
from worker.stopping import stop_on_signals
from worker.tests.held import WORKER, held, running
from worker.tests.stalling import way_to
from worker.tests.world import OUTPUT, World

SECONDS = 10


def is_interrupted(world: World) -> bool:
    record = world.record
    assert "Uploads" not in world.s3.list_multipart_uploads(Bucket=world.bucket)
    assert record.get("multipart_upload") is None
    return (record["state"], record["error"]) == ("RUNNING", Interrupted().as_record())


@pytest.mark.parametrize(
    ("moment", "results"),
    [
        ('record:"phase": "FETCHING"', []),
        ('record:"phase": "PROBING"', []),
        ('record:"phase": "ENCODING"', []),
        ('record:"phase": "VERIFYING"', []),
        ('record:"phase": "PUBLISHING"', []),
        ("after:upload_part", []),
        ("before:complete_multipart_upload", []),
        ("after:complete_multipart_upload", [OUTPUT]),  # the next attempt finds it and says so in the record
    ],
)
def test_sigterm_in_any_phase(world: World, video: bytes, moment: str, results: list[str]) -> None:
    with held(world, world.upload(video), moment, in_parts=True) as worker:
        children = worker.children()
        assert worker.stop(signal.SIGTERM, seconds=SECONDS) == Interrupted.exit_code
        assert [child for child in children if Path(f"/proc/{child}").exists()] == []
    assert is_interrupted(world)
    assert world.keys("processed-videos/") == results


def test_an_upload_that_has_just_begun_is_aborted_too(world: World, video: bytes) -> None:
    """The signal comes when S3 has begun it and the worker does not know yet under which name."""
    with held(world, world.upload(video), "after:create_multipart_upload", in_parts=True) as worker:
        worker.process.send_signal(signal.SIGTERM)
        assert worker.let_go() == Interrupted.exit_code
    assert is_interrupted(world)


def test_a_signal_while_the_files_are_removed(world: World, video: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    real = TemporaryDirectory.cleanup

    def cleanup(folder: TemporaryDirectory[str]) -> None:
        # Not to the process: a thread of the test's own server would take it, where a worker's threads take none.
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
        real(folder)

    monkeypatch.setattr(TemporaryDirectory, "cleanup", cleanup)
    with stop_on_signals():
        assert world.run(world.upload(video)) == Interrupted.exit_code  # which finds nothing left
    assert is_interrupted(world)


def test_a_signal_while_another_is_dealt_with(world: World, video: bytes) -> None:
    with held(world, world.upload(video), 'record:"phase": "ENCODING"') as worker:
        signals = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
        assert worker.stop(*signals, seconds=SECONDS) == Interrupted.exit_code
    assert is_interrupted(world)


def holds_signals_back(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    [mask] = [line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:")]
    return bool(int(mask, 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells when")
def test_a_signal_during_the_start_is_not_lost(world: World, video: bytes) -> None:
    with running(world, world.upload(video)) as worker:
        while not holds_signals_back(worker.process.pid):
            assert worker.process.poll() is None
            time.sleep(0.001)
        assert worker.stop(signal.SIGTERM, seconds=SECONDS) == Interrupted.exit_code
    assert is_interrupted(world)
    assert (world.record["attempt"], list(world.folder.iterdir())) == (1, [])


@pytest.mark.parametrize(
    ("moment", "stuck"),
    [
        ('record:"phase": "PROBING"', b"PUT /"),  # not even the record can be written
        ("after:upload_part", b"DELETE /"),  # the upload cannot be aborted
    ],
)
def test_an_s3_that_hangs_does_not_keep_a_worker(
    world: World, video: bytes, aws_endpoint: str, moment: str, stuck: bytes
) -> None:
    with way_to(aws_endpoint) as way:
        environment = world.upload(video) | {"AWS_ENDPOINT_URL": way.url}
        with held(world, environment, moment, in_parts=True) as worker:
            way.stuck = stuck
            assert worker.stop(signal.SIGTERM, seconds=SECONDS) == Interrupted.exit_code
            assert way.noticed.is_set()


def test_a_download_that_hangs_is_left_at_once(world: World, video: bytes, aws_endpoint: str) -> None:
    with way_to(aws_endpoint) as way:
        way.stuck = b"GET /" + world.bucket.encode() + b"/unprocessed"
        with running(world, world.upload(video) | {"AWS_ENDPOINT_URL": way.url}) as worker:
            assert way.noticed.wait(30)
            assert [path.name[:13] for path in world.folder.iterdir()] == ["video-worker-"]
            assert worker.stop(signal.SIGTERM, seconds=5) == Interrupted.exit_code
    assert list(world.folder.iterdir()) == []
    assert is_interrupted(world)


# Signals arrive while a finaliser runs, which swallows what is raised in it.
SWALLOWED = """
import os, signal, time
from worker.stopping import StopRequested, stop_on_signals

class Final:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

with stop_on_signals():
    try:
        Final()
        time.sleep(60)
    except StopRequested:
        print("heard")
"""


def test_a_request_that_python_swallows_is_made_again() -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", SWALLOWED], capture_output=True, text=True, timeout=30, check=False)
    assert "Exception ignored" in done.stderr
    assert (done.stdout, done.returncode) == ("heard\n", 0)
    assert time.monotonic() - began < SECONDS


def test_the_next_attempt_does_the_job(world: World, video: bytes) -> None:
    environment = world.upload(video)
    with held(world, environment, "before:complete_multipart_upload", in_parts=True) as worker:
        worker.stop(signal.SIGTERM)
    assert world.run(environment | {names.ATTEMPT: "2"}) == 0
    record = world.record
    assert (record["state"], record["attempt"], record["error"]) == ("SUCCEEDED", 2, None)
    assert record["output"]["size"] == len(world.get(OUTPUT))
    assert json.dumps(record).count("INTERRUPTED") == 0


def test_the_next_attempt_aborts_the_upload_of_one_that_was_killed(world: World, video: bytes, tmp_path: Path) -> None:
    killed = replace(world, folder=tmp_path / "killed")
    killed.folder.mkdir()
    environment = world.upload(video)
    with running(killed, environment, "-c", WORKER, "after:upload_part", "in parts") as worker:
        assert worker.process.stdout is not None
        worker.process.stdout.readline()
        worker.stop(signal.SIGKILL)
    [left] = world.s3.list_multipart_uploads(Bucket=world.bucket)["Uploads"]
    assert world.record["multipart_upload"] == left["UploadId"]
    another = world.s3.create_multipart_upload(Bucket=world.bucket, Key=OUTPUT)["UploadId"]  # a newer upload's job
    assert world.run(environment | {names.ATTEMPT: "2"}) == 0
    [left] = world.s3.list_multipart_uploads(Bucket=world.bucket)["Uploads"]
    assert left["UploadId"] == another
    assert (world.record["state"], world.record["multipart_upload"]) == ("SUCCEEDED", None)
