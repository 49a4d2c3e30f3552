"""A cancelled job ends as such, and has no result; a job that has its result, or may have it, cannot be cancelled."""

import json
import signal

import pytest

from worker import settings as names
from worker.errors import Cancelled
from worker.record import BEAT_SECONDS, FAILED, TERMINAL
from worker.tests.held import held, running
from worker.tests.stalling import way_to
from worker.tests.world import OUTPUT, RECORD, World

QUEUED = {"job_id": "b-0123456789abcdef", "state": "QUEUED", "phase": None, "attempt": 0}


def cancel(world: World) -> bool:
    """Cancel the job as docs/adr/0007 wants it; False if it is too late."""
    answer = world.s3.get_object(Bucket=world.bucket, Key=RECORD)
    record = json.load(answer["Body"])
    if record["state"] in TERMINAL or record.get("publishing"):
        return False
    cancelled = record | {"state": FAILED, "error": Cancelled().as_record()}
    world.put(RECORD, json.dumps(cancelled).encode(), IfMatch=answer["ETag"])
    return True


def is_cancelled_without_a_result(world: World) -> bool:
    record = world.record
    assert "Uploads" not in world.s3.list_multipart_uploads(Bucket=world.bucket)
    assert world.keys("processed-videos/") == []
    return (record["state"], record["error"]) == ("FAILED", Cancelled().as_record())


@pytest.mark.parametrize(
    "moment",
    [
        'record:"phase": "FETCHING"',
        'record:"phase": "PROBING"',
        'record:"phase": "ENCODING"',
        'record:"phase": "VERIFYING"',
        "after:upload_part",
    ],
)
def test_a_worker_ends_at_its_next_write_and_publishes_nothing(world: World, video: bytes, moment: str) -> None:
    with held(world, world.upload(video), moment, in_parts=True) as worker:
        assert cancel(world)
        assert worker.let_go() == Cancelled.exit_code
    assert is_cancelled_without_a_result(world)


@pytest.mark.parametrize(
    ("moment", "in_parts"),
    [
        ('record:"publishing": true', False),
        ('record:"publishing": true', True),
        ("after:complete_multipart_upload", True),
    ],
)
def test_a_result_that_is_about_to_appear_cannot_be_cancelled(
    world: World, video: bytes, moment: str, in_parts: bool
) -> None:
    with held(world, world.upload(video), moment, in_parts) as worker:
        assert not cancel(world)
        assert worker.let_go() == 0
    assert (world.record["state"], world.keys("processed-videos/")) == ("SUCCEEDED", [OUTPUT])
    assert not cancel(world)


def test_the_signal_that_follows_does_not_make_it_an_interruption(world: World, video: bytes) -> None:
    with held(world, world.upload(video), 'record:"phase": "ENCODING"') as worker:
        assert cancel(world)
        assert worker.stop(signal.SIGTERM) == Cancelled.exit_code
    assert is_cancelled_without_a_result(world)


def test_a_download_that_hangs_does_not_keep_a_cancelled_worker(world: World, video: bytes, aws_endpoint: str) -> None:
    """Nobody sends a signal, and it writes nothing itself: its heartbeat hears of it."""
    with way_to(aws_endpoint) as way:
        way.stuck = b"GET /" + world.bucket.encode() + b"/unprocessed"
        with running(world, world.upload(video) | {"AWS_ENDPOINT_URL": way.url}) as worker:
            assert way.noticed.wait(30)
            assert cancel(world)
            assert worker.wait(2 * BEAT_SECONDS) == Cancelled.exit_code
    assert "it is FAILED already" in worker.log
    assert "INTERRUPTED" not in worker.log
    assert list(world.folder.iterdir()) == []
    assert is_cancelled_without_a_result(world)


def test_a_job_that_has_not_begun(world: World, video: bytes) -> None:
    environment = world.upload(video)
    world.put(RECORD, json.dumps(QUEUED).encode())
    assert cancel(world)
    before = world.get(RECORD)
    assert world.run(environment) == Cancelled.exit_code
    assert world.get(RECORD) == before
    assert is_cancelled_without_a_result(world)


def test_what_a_worker_claimed_that_has_died_since_cannot_be_cancelled_either(world: World, video: bytes) -> None:
    environment = world.upload(video)
    with held(world, environment, "after:complete_multipart_upload", in_parts=True) as worker:
        worker.stop(signal.SIGTERM)
    published = world.s3.head_object(Bucket=world.bucket, Key=OUTPUT)["VersionId"]
    with held(world, environment | {names.ATTEMPT: "2"}, 'record:"phase": "FETCHING"') as worker:
        assert not cancel(world)
        assert worker.let_go() == 0
    assert (world.record["state"], world.record["attempt"]) == ("SUCCEEDED", 2)
    assert world.s3.head_object(Bucket=world.bucket, Key=OUTPUT)["VersionId"] == published
