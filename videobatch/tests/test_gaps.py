"""Backfill begins what nobody works on, and nothing else."""

import importlib
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from typing import Any

import pytest

from jobs import job_id
from uploads import Upload
from videobatch import records, trigger
from videobatch.account import Account
from videobatch.executions import describe_execution, execution_arn
from videobatch.pipeline import JobRecord, Pipeline
from videobatch.tests.commands import Run

Put = Callable[..., JobRecord]


@pytest.fixture
def function(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trigger function, called without Lambda in between."""
    names = {"UploadPrefix", "ResultPrefix", "WatermarkPrefix", "JobPrefix"}
    settings = {name.replace("Prefix", "_PREFIX").upper(): pipeline.outputs[name] for name in names}
    settings |= {"BUCKET": pipeline.bucket, "STATE_MACHINE_ARN": pipeline.outputs["StateMachineArn"]}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    module = importlib.reload(importlib.import_module("start_watermark_job"))

    def invoke(_pipeline: Pipeline, event: Mapping[str, Any]) -> list[str]:
        with redirect_stdout(None):  # its log
            jobs: list[str] = module.handle(event, None)["jobs"]
        return jobs

    monkeypatch.setattr(trigger, "invoke", invoke)


@pytest.mark.usefixtures("function")
def test_a_job_whose_record_was_removed_begins_again_at_once(pipeline: Pipeline, run: Run) -> None:
    """Records may be kept for three days, and the name of an execution is taken for ninety."""
    uploads = {}
    for key in ("unprocessed-vdeos/new.mp4", "unprocessed-vdeos/old.mp4"):
        put = pipeline.s3.put_object(Bucket=pipeline.bucket, Key=key, Body=b"video")
        uploads[key] = job_id(Upload(pipeline.bucket, key, put["VersionId"], put["ETag"].strip('"'), 5, ""))
    new, old = uploads.values()
    states = pipeline.client("stepfunctions")
    states.start_execution(stateMachineArn=pipeline.outputs["StateMachineArn"], name=old)
    states.stop_execution(executionArn=execution_arn(pipeline, old))
    told = run("backfill", "--json").json["backfilled"]
    assert {gap["key"]: (gap["job_id"], gap["reason"]) for gap in told} == {
        key: (job, "it has no job") for key, job in uploads.items()
    }
    for execution in (new, f"{old}-r1"):
        assert (described := describe_execution(pipeline, execution))
        assert described["status"] == "RUNNING"
    found = records.read(pipeline, old)
    assert found is not None
    assert (found[0]["state"], found[0]["retries"]) == ("QUEUED", 1)
    assert run("backfill", "--json").json["backfilled"] == []


def test_a_job_that_ends_while_it_is_looked_at_is_no_gap(
    pipeline: Pipeline, put_record: Put, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Account, "pipeline", pipeline)
    states = pipeline.client("stepfunctions")
    put_record("a-1", "RUNNING", phase="ENCODING")
    states.start_execution(stateMachineArn=pipeline.outputs["StateMachineArn"], name="a-1")
    states.stop_execution(executionArn=execution_arn(pipeline, "a-1"))
    states.meta.events.register_first("before-call.sfn.DescribeExecution", lambda **_: put_record("a-1") and None)
    assert run("backfill", "--dry-run", "--json").json["backfilled"] == []
