"""Whoever reads the record sees whether its worker lives, whatever the worker waits for."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from worker.errors import Cancelled, Interrupted, StorageUnavailable
from worker.record import BEAT_SECONDS, AlreadyFinished, JobRecord
from worker.storage import Storage
from worker.tests.held import running
from worker.tests.stalling import way_to
from worker.tests.world import RECORD, World

BEAT = 0.2


class Failing(Storage):
    """A bucket that cannot be written to for a while.

    Attributes:
        failures: How many times it will fail.
    """

    failures = 0

    def put_json(self, key: str, content: bytes, expected_etag: str | None) -> str:
        if self.failures:
            self.failures -= 1
            raise StorageUnavailable
        return super().put_json(key, content, expected_etag)


@pytest.fixture
def record(bucket: str) -> JobRecord:
    record = JobRecord(Storage(bucket), RECORD, {"job_id": "b", "attempt": 1})
    record.start(state="RUNNING", phase="FETCHING", percent=0)
    return record


@pytest.fixture
def writes(s3: Any, bucket: str) -> Callable[[], int]:
    """A function that counts how often the record was written."""
    return lambda: len(s3.list_object_versions(Bucket=bucket, Prefix="jobs/")["Versions"])


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_record_that_nothing_is_written_to_moves_on(record: JobRecord, writes: Callable[[], int]) -> None:
    before = record.fields["updated_at"]
    with record.beating(seconds=BEAT):
        wait_for(lambda: writes() >= 3)
    assert record.fields["updated_at"] > before
    record.finish(state="SUCCEEDED")
    count = writes()
    time.sleep(4 * BEAT)
    assert writes() == count


def test_it_goes_on_when_s3_does_again(bucket: str, writes: Callable[[], int]) -> None:
    storage = Failing(bucket)
    record = JobRecord(storage, RECORD, {"job_id": "b", "attempt": 1})
    record.start(state="RUNNING")
    storage.failures = 3
    with record.beating(seconds=BEAT):
        wait_for(lambda: writes() >= 2)
    assert storage.failures == 0


def test_it_leaves_a_terminal_record_alone(record: JobRecord, s3: Any, bucket: str) -> None:
    content = json.dumps({"state": "FAILED", "error": Cancelled().as_record()}).encode()
    with record.beating(seconds=BEAT):
        s3.put_object(Bucket=bucket, Key=RECORD, Body=content)
        wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name == "heartbeat"])
        with pytest.raises(AlreadyFinished):
            record.write(percent=1)
    assert s3.get_object(Bucket=bucket, Key=RECORD)["Body"].read() == content


def updated(world: World) -> datetime:
    return datetime.fromisoformat(world.record["updated_at"])


def test_a_download_that_stalls_is_seen_to_live_and_a_killed_worker_to_be_dead(
    world: World, video: bytes, aws_endpoint: str
) -> None:
    with way_to(aws_endpoint) as way:
        way.stuck = b"GET /" + world.bucket.encode() + b"/unprocessed"
        with running(world, world.upload(video) | {"AWS_ENDPOINT_URL": way.url}) as worker:
            assert way.noticed.wait(30)
            first = updated(world)
            wait_for(lambda: updated(world) > first, BEAT_SECONDS + 5)
            assert (world.record["phase"], world.record["error"]) == ("FETCHING", None)
            worker.stop(signal.SIGKILL)
            last = updated(world)
            time.sleep(BEAT_SECONDS + 1)
            assert (updated(world), world.record["error"]) == (last, None)


def test_a_killed_engine_is_told_at_once(world: World, endless_clip: Any) -> None:
    with running(world, world.upload(endless_clip.read_bytes())) as worker:
        wait_for(lambda: bool(world.keys("jobs/")) and world.record.get("phase") == "ENCODING", 30)
        [engine] = worker.children()
        os.kill(engine, signal.SIGKILL)
        assert worker.wait(10) == Interrupted.exit_code
    assert world.record["error"]["message"] == "The engine was killed from outside while it worked."
    assert list(world.folder.iterdir()) == []
