"""Jobs are followed to their end, and no longer than somebody works on them."""

from collections.abc import Callable
from contextlib import ExitStack

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

from videobatch.executions import execution_arn
from videobatch.following import UNREACHABLE_SECONDS, follow_jobs
from videobatch.gaps import SILENT_SECONDS
from videobatch.pipeline import JobRecord, Pipeline
from videobatch.task_logs import follow as follow_logs
from videobatch.tests.commands import Run
from videobatch.tests.refusing import refusing

Put = Callable[..., JobRecord]


class Clock:
    """Time that passes only by sleeping, faster than told; `at` says what happens when so many seconds have gone."""

    def __init__(self) -> None:
        self.now = 0.0
        self.at: dict[float, Callable[[], object]] = {}

    def sleep(self, _seconds: float) -> None:
        self.now += SILENT_SECONDS / 4
        for moment in [moment for moment in self.at if moment <= self.now]:
            self.at.pop(moment)()


def test_a_job_that_nothing_works_on_is_not_waited_for(pipeline: Pipeline, put_record: Put) -> None:
    clock, states = Clock(), boto3.client("stepfunctions")
    for name in ("a-1", "b-1"):
        put_record(name, "RUNNING", phase="ENCODING")
        states.start_execution(stateMachineArn=pipeline.outputs["StateMachineArn"], name=name)
    clock.at[SILENT_SECONDS * 3] = lambda: states.stop_execution(executionArn=execution_arn(pipeline, "a-1"))
    clock.at[SILENT_SECONDS * 6] = lambda: put_record("b-1", "SUCCEEDED")
    told = [
        (record["job_id"], record["state"], clock.now // SILENT_SECONDS)
        for record in follow_jobs(pipeline, ["a-1", "b-1"], clock=lambda: clock.now, sleep=clock.sleep)
    ]
    assert told[:2] == [("a-1", "RUNNING", 0), ("b-1", "RUNNING", 0)]
    assert told[2][:2] == ("a-1", "STOPPED")
    assert 3 <= told[2][2] <= 5
    assert told[3:] == [("b-1", "SUCCEEDED", 6)]


def test_a_job_that_was_never_begun_is_told_of_and_awaited(pipeline: Pipeline, put_record: Put) -> None:
    clock, untold = Clock(), list[str]()
    clock.at[SILENT_SECONDS * 2] = lambda: put_record("a-1")
    found = follow_jobs(pipeline, ["a-1"], untold.append, clock=lambda: clock.now, sleep=clock.sleep)
    assert [record["state"] for record in found] == ["SUCCEEDED"]
    assert untold == ["a-1"]


def test_a_job_that_was_announced_and_never_begun_is_told_of_too(pipeline: Pipeline, put_record: Put) -> None:
    clock, untold = Clock(), list[str]()
    put_record("a-1", "QUEUED")
    clock.at[SILENT_SECONDS * 2] = lambda: put_record("a-1")
    found = follow_jobs(pipeline, ["a-1"], untold.append, clock=lambda: clock.now, sleep=clock.sleep)
    assert [record["state"] for record in found] == ["QUEUED", "SUCCEEDED"]
    assert untold == ["a-1"]


def test_a_job_that_ends_while_it_is_looked_at_has_not_stopped(pipeline: Pipeline, put_record: Put) -> None:
    clock, states = Clock(), pipeline.client("stepfunctions")
    put_record("a-1", "RUNNING", phase="ENCODING")
    states.start_execution(stateMachineArn=pipeline.outputs["StateMachineArn"], name="a-1")
    states.stop_execution(executionArn=execution_arn(pipeline, "a-1"))
    states.meta.events.register_first("before-call.sfn.DescribeExecution", lambda **_: put_record("a-1") and None)
    found = follow_jobs(pipeline, ["a-1"], clock=lambda: clock.now, sleep=clock.sleep)
    assert [record["state"] for record in found] == ["RUNNING", "SUCCEEDED"]


@pytest.mark.parametrize("seconds", [UNREACHABLE_SECONDS / 2, UNREACHABLE_SECONDS * 2])
def test_an_account_that_is_out_of_reach_is_tried_again_for_a_while(
    seconds: float, pipeline: Pipeline, put_record: Put
) -> None:
    put_record("a-1")
    clock, within_reach = Clock(), pipeline.s3
    nowhere = Config(retries={"total_max_attempts": 1})
    pipeline.s3 = boto3.client("s3", endpoint_url="http://127.0.0.1:9", config=nowhere)
    clock.at[seconds] = lambda: setattr(pipeline, "s3", within_reach)
    followed = follow_jobs(pipeline, ["a-1"], clock=lambda: clock.now, sleep=clock.sleep)
    if seconds < UNREACHABLE_SECONDS:
        assert [record["state"] for record in followed] == ["SUCCEEDED"]
    else:
        with pytest.raises(EndpointConnectionError):
            list(followed)


def test_an_account_that_is_not_well_for_a_moment_ends_nothing(pipeline: Pipeline, put_record: Put) -> None:
    put_record("a-1")
    clock = Clock()
    with ExitStack() as stack:
        stack.enter_context(refusing(pipeline.s3, "GetObject"))
        clock.at[SILENT_SECONDS] = stack.close
        followed = list(follow_jobs(pipeline, ["a-1"], clock=lambda: clock.now, sleep=clock.sleep))
    assert ([record["state"] for record in followed], clock.now) == (["SUCCEEDED"], SILENT_SECONDS)


def test_watching_tells_of_each_end(put_record: Put, run: Run) -> None:
    put_record("a-1")
    put_record("b-1", "FAILED", error={"code": "NO_VIDEO_STREAM", "message": "No picture."})
    watched = run("watch", "a-1", "b-1")
    assert (watched.code, watched.out) == (1, "")
    assert "SUCCEEDED  a-1\nFAILED     b-1 NO_VIDEO_STREAM: No picture.\n" in watched.err
    assert "1 of 2 jobs has no result." in watched.err
    assert run("watch").err == "No job is going on.\n"


def test_the_logs_of_a_job_that_nothing_works_on_come_to_an_end(pipeline: Pipeline, put_record: Put) -> None:
    clock, states = Clock(), boto3.client("stepfunctions")
    put_record("a-1", "RUNNING", phase="ENCODING")
    states.start_execution(stateMachineArn=pipeline.outputs["StateMachineArn"], name="a-1")
    clock.at[SILENT_SECONDS * 3] = lambda: states.stop_execution(executionArn=execution_arn(pipeline, "a-1"))
    assert list(follow_logs(pipeline, "a-1", clock=lambda: clock.now, sleep=clock.sleep)) == []
    assert 3 <= clock.now / SILENT_SECONDS <= 5
