"""A job is cancelled by its record, and only while no result can appear any more."""

from collections.abc import Callable
from typing import Any

import pytest

from videobatch import records
from videobatch.cancelling import cancel
from videobatch.executions import describe_execution
from videobatch.pipeline import JobRecord, Pipeline
from videobatch.tests.commands import Run

Put = Callable[..., JobRecord]


def record_of(pipeline: Pipeline, job_id: str) -> JobRecord:
    found = records.read(pipeline, job_id)
    assert found is not None
    return found[0]


def test_a_job_that_waits_is_cancelled_once(pipeline: Pipeline, put_record: Put, run: Run) -> None:
    before = put_record("a-1", "QUEUED")
    assert run("cancel", "a-1", "--dry-run").out == "a-1: would be cancelled\n"
    assert record_of(pipeline, "a-1") == before
    assert run("cancel", "a-1", "--json").json == {"dry_run": False, "cancelled": [{"job_id": "a-1"}]}
    after = record_of(pipeline, "a-1")
    assert (after["state"], after["error"]["code"], after["error"]["retryable"]) == ("FAILED", "CANCELLED", False)
    again = run("cancel", "a-1")
    assert (again.code, record_of(pipeline, "a-1")) == (4, after)
    assert "The job a-1 is FAILED already" in again.err
    # It was never started: its execution begins and ends, so that nobody starts it later, and its end is told of.
    assert (described := describe_execution(pipeline, "a-1"))
    assert described["status"] == "ABORTED"


def test_it_is_too_late_once_the_result_may_appear(pipeline: Pipeline, put_record: Put, run: Run) -> None:
    put_record("a-1", "QUEUED")
    before = put_record("b-1", "RUNNING", phase="PUBLISHING", publishing=True)
    refused = run("cancel", "a-1", "b-1")
    assert (refused.code, refused.out) == (4, "")
    assert "too late to cancel" in refused.err
    assert record_of(pipeline, "b-1") == before
    assert record_of(pipeline, "a-1")["state"] == "QUEUED"  # none is touched unless all can be


@pytest.mark.parametrize(
    ("words", "state"),
    [([{"percent": 40}, {"percent": 42}], "FAILED"), ([{"percent": 99}, {"state": "SUCCEEDED"}], "SUCCEEDED")],
)
def test_a_worker_that_writes_meanwhile_is_heard(
    words: list[dict[str, Any]], state: str, pipeline: Pipeline, put_record: Put, run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    put_record("a-1", "RUNNING", phase="ENCODING", percent=38)
    real, said = records.read, iter(words)

    def read(pipeline: Pipeline, identifier: str) -> tuple[JobRecord, str] | None:
        """What the worker writes right after each look at its record is one of its words."""
        found = real(pipeline, identifier)
        if found and (word := next(said, None)):
            records.replace(pipeline, *found, word)
        return found

    monkeypatch.setattr(records, "read", read)
    if state == "FAILED":
        assert cancel(pipeline, "a-1")["percent"] == 42
    else:
        assert run("cancel", "a-1").code == 4
    monkeypatch.undo()
