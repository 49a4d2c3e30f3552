"""A job is cancelled by its record, and only while no result can appear any more."""

from collections.abc import Callable
from typing import Any

import pytest

from videobatch import cancelling, records
from videobatch.account import Account
from videobatch.cancelling import cancel
from videobatch.executions import describe_execution, execution_arn
from videobatch.pipeline import JobRecord, Pipeline
from videobatch.tests.commands import Run
from videobatch.tests.refusing import refusing

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


def test_of_several_the_others_are_cancelled_when_one_is_too_late(
    pipeline: Pipeline, put_record: Put, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for job in ("a-1", "b-1", "c-1"):
        put_record(job, "QUEUED")
    real = cancelling.cancel

    def end_first(pipeline: Pipeline, identifier: str) -> JobRecord:
        if identifier == "a-1":
            put_record("a-1", "SUCCEEDED")
        return real(pipeline, identifier)

    monkeypatch.setattr("videobatch.commands.cancel.cancel_job", end_first)
    told = run("cancel", "a-1", "b-1", "c-1", "b-1", "--json")  # one is named twice
    assert (told.code, told.json["cancelled"]) == (1, [{"job_id": "b-1"}, {"job_id": "c-1"}])
    assert "SUCCEEDED already" in told.json["problems"]["a-1"]
    assert "1 of 3 jobs was not cancelled: a-1." in told.err
    assert [record_of(pipeline, job)["state"] for job in ("a-1", "b-1", "c-1")] == ["SUCCEEDED", "FAILED", "FAILED"]


@pytest.mark.parametrize(
    ("command", "state", "call", "left", "sentences"),
    [
        ("cancel", "RUNNING", "StopExecution", "FAILED",
         ["The job a-1 is cancelled, but its execution could not be stopped", "hears of it by itself"]),
        ("retry", "FAILED", "StartExecution", "QUEUED",
         ["The job a-1 is QUEUED again, but its execution was not started", "videobatch backfill"]),
    ],
)  # fmt: skip
def test_what_was_done_before_the_account_refused_is_said(
    command: str, state: str, call: str, left: str, sentences: list[str],
    pipeline: Pipeline, put_record: Put, run: Run, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(Account, "pipeline", pipeline)
    states = pipeline.client("stepfunctions")
    put_record("a-1", state)
    states.start_execution(stateMachineArn=pipeline.outputs["StateMachineArn"], name="a-1")
    if command == "retry":
        states.stop_execution(executionArn=execution_arn(pipeline, "a-1"))
    with refusing(states, call):
        refused = run(command, "a-1")
    assert (refused.code, record_of(pipeline, "a-1")["state"]) == (6, left)
    for sentence in (*sentences, "Come back later"):
        assert sentence in refused.err


def test_a_record_that_cannot_be_read_is_neither_cancelled_nor_retried(pipeline: Pipeline, run: Run) -> None:
    pipeline.s3.put_object(Bucket=pipeline.bucket, Key="jobs/a-1.json", Body=b"{")
    for command in ("cancel", "retry"):
        refused = run(command, "a-1")
        assert (refused.code, "Remove the record" in refused.err) == (4, True)
