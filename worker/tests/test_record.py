from collections.abc import Callable
from typing import Any

import pytest

from worker.record import SECONDS_BETWEEN_PROGRESS, JobRecord
from worker.sandbox import HEARTBEAT_SECONDS
from worker.storage import Storage


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def record(bucket: str, clock: Clock) -> JobRecord:
    record = JobRecord(Storage(bucket), "jobs/a.json", {"job_id": "a"}, clock)
    record.start(state="RUNNING", phase="FETCHING", percent=0)
    return record


@pytest.fixture
def versions(s3: Any, bucket: str) -> Callable[[], int]:
    """A function that counts how often the record was written."""
    return lambda: len(s3.list_object_versions(Bucket=bucket, Prefix="jobs/")["Versions"])


def test_progress_is_written_every_two_seconds_and_a_new_phase_at_once(
    record: JobRecord, clock: Clock, versions: Callable[[], int]
) -> None:
    record.progress("ENCODING", 0)
    assert (versions(), record.fields["phase"], record.fields["percent"]) == (2, "ENCODING", 3)
    clock.now += 1.9
    record.progress("ENCODING", 0.5)
    assert versions() == 2
    clock.now += 0.1
    record.progress("ENCODING", 0.5)
    assert (versions(), record.fields["percent"]) == (3, 45)
    record.progress("VERIFYING", 0)
    assert (versions(), record.fields["phase"]) == (4, "VERIFYING")


def test_a_heartbeat_is_news_for_the_reader_of_the_record(
    record: JobRecord, clock: Clock, versions: Callable[[], int]
) -> None:  # fmt: skip
    record.progress("ENCODING", 0.5)
    clock.now += 2.5
    before = record.fields["updated_at"]
    record.progress("ENCODING", 0.5)
    assert versions() == 3
    assert record.fields["updated_at"] >= before


def test_a_reader_of_the_record_waits_less_than_five_seconds_for_news() -> None:
    assert SECONDS_BETWEEN_PROGRESS + HEARTBEAT_SECONDS < 5
