"""An operator cancels a job that runs: docs/adr/0007."""

import json
from pathlib import Path

import boto3

from e2e.inspection import executions_of, status_at_the_end, tasks_of, wait_until
from e2e.targets import Target
from e2e.test_dependability import wait_for_phase
from videobatch.pipeline import Pipeline
from worker.errors import Cancelled


def test_a_cancelled_job_ends_everywhere_and_has_no_result(pipeline: Pipeline, target: Target, long_clip: Path) -> None:
    version_id = pipeline.upload(long_clip, "cancelled.mp4")
    job_id = wait_for_phase(pipeline, version_id, "ENCODING")["job_id"]
    key = f"{pipeline.outputs['JobPrefix']}{job_id}.json"

    def is_written() -> bool:
        """Whether the worker wrote nothing in between."""
        answer = pipeline.s3.get_object(Bucket=pipeline.bucket, Key=key)
        record = json.load(answer["Body"]) | {"state": "FAILED", "error": Cancelled().as_record()}
        try:
            pipeline.s3.put_object(
                Bucket=pipeline.bucket, Key=key, Body=json.dumps(record).encode(), IfMatch=answer["ETag"]
            )
        except pipeline.s3.exceptions.ClientError:
            return False
        return True

    wait_until(is_written, "a moment between two writes of the worker")
    cancelled = pipeline.record_of(version_id)
    [execution] = executions_of(pipeline, job_id)
    boto3.client("stepfunctions").stop_execution(executionArn=execution["executionArn"], error="CANCELLED")

    wait_until(lambda: not target.worker_runs(job_id), "the worker's end", seconds=20)
    [task] = tasks_of(pipeline, job_id)
    assert task["desiredStatus"] == "STOPPED"
    assert status_at_the_end(pipeline, job_id) in ("ABORTED", "FAILED")  # the worker may have been the faster
    assert pipeline.record_of(version_id) == cancelled
    assert "cancelled.mp4" not in pipeline.result_names()
