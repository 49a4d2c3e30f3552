"""A video gets the task that it needs: it is moved before it is encoded (after, see e2e/faults/test_engine.py)."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from e2e.conftest import WaitForJob
from e2e.faults.task_definition import revised
from e2e.inspection import inspect, tasks_of, wait_until
from videobatch.pipeline import Pipeline
from worker.tests.media import Clip, make_clip

SMALLEST = ("256", "512")
BT2020_PQ = (9, 1, 9, 16)  # matrix, range, primaries and transfer of HDR10, as in H.273
LARGE = Clip(3840, 2160, rate=25, seconds=8 / 25)
HDR10 = Clip(1920, 1080, rate=25, seconds=8 / 25, codec="libx265", pixel_format="yuv420p10le", colour=BT2020_PQ)
LARGE_HDR10 = replace(HDR10, width=3840, height=2160, seconds=20 / 25, grey=None)  # as many as the encoder holds


def sizes_of(pipeline: Pipeline, job_id: str) -> list[tuple[str, str]]:
    """CPU units and MB of all tasks that were started for a job, oldest first."""
    return [(task["cpu"], task["memory"]) for task in tasks_of(pipeline, job_id)]


@pytest.mark.parametrize(
    ("clip", "size"),
    [
        pytest.param(LARGE, ("512", "1024"), id="4K"),
        pytest.param(HDR10, ("512", "1024"), id="HDR10"),
        # Only there does the kernel hold the task to its size.
        pytest.param(LARGE_HDR10, ("1024", "2048"), id="4K HDR10", marks=pytest.mark.only_target("docker")),
    ],
)
def test_a_video_that_needs_more_memory_is_moved_to_a_larger_task(
    pipeline: Pipeline, wait_for_job: WaitForJob, tmp_path: Path, clip: Clip, size: tuple[str, str]
) -> None:
    source = make_clip(tmp_path / f"{clip.height}-{clip.codec}.mp4", clip)
    record = wait_for_job(pipeline.upload(source, source.name))
    assert record["state"] == "SUCCEEDED", record
    assert sizes_of(pipeline, record["job_id"]) == [SMALLEST, size]
    assert record["task"] == {"vcpu": int(size[0]) / 1024, "memory_mb": int(size[1])}
    assert record["attempt"] == 1
    assert record["error"] is None
    assert 512 < record["memory"]["estimated_mb"] < int(size[1])
    assert record["memory"]["peak_mb"] <= record["memory"]["estimated_mb"]
    pipeline.fetch(source.name, tmp_path / "out.mp4")
    assert inspect(tmp_path / "out.mp4").timestamps == inspect(source).timestamps


def test_a_video_that_would_take_too_long_is_moved_to_a_task_with_more_cpu(
    pipeline: Pipeline, wait_for_job: WaitForJob, clip: Path
) -> None:
    with revised(pipeline, {"TASK_TIMEOUT_SECONDS": "1"}):
        record = wait_for_job(pipeline.upload(clip, "too-long.mp4"))
    assert record["state"] == "SUCCEEDED", record
    assert sizes_of(pipeline, record["job_id"]) == [SMALLEST, ("512", "1024")]
    assert (record["attempt"], record["error"]) == (1, None)


@pytest.fixture
def bounded(pipeline: Pipeline) -> Iterator[str]:
    """A second machine with the deployed definition, deployed with 512 MB as the bound."""
    states = boto3.client("stepfunctions")
    deployed = states.describe_state_machine(stateMachineArn=pipeline.outputs["StateMachineArn"])
    definition = json.loads(deployed["definition"])
    definition["States"]["SmallestSize"]["Parameters"]["largest_mb.$"] = "States.MathAdd(512, 0)"
    arn = states.create_state_machine(
        name=f"bounded-{uuid.uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=deployed["roleArn"]
    )["stateMachineArn"]
    yield arn
    states.delete_state_machine(stateMachineArn=arn)


def test_beyond_the_bound_the_job_fails_and_says_how_much_it_needs(
    pipeline: Pipeline, bounded: str, tmp_path: Path
) -> None:
    states, job_id = boto3.client("stepfunctions"), f"bounded-{uuid.uuid4().hex[:16]}"
    body = make_clip(tmp_path / "large.mp4", LARGE).read_bytes()
    key = f"{pipeline.outputs['UploadPrefix']}bounded.mov"  # a name that starts no job by itself
    put = pipeline.s3.put_object(Bucket=pipeline.bucket, Key=key, Body=body)
    source = {"key": key, "version_id": put["VersionId"], "etag": put["ETag"].strip('"'), "size": len(body)}
    execution = states.start_execution(
        stateMachineArn=bounded, name=job_id, input=json.dumps({"job_id": job_id, "source": source})
    )["executionArn"]

    def ended() -> Any:
        found = states.describe_execution(executionArn=execution)
        return found if found["status"] != "RUNNING" else None

    found = wait_until(ended, "the end of the execution", seconds=120)
    assert (found["status"], found["error"]) == ("FAILED", "INSUFFICIENT_MEMORY")
    answer = pipeline.s3.get_object(Bucket=pipeline.bucket, Key=f"{pipeline.outputs['JobPrefix']}{job_id}.json")
    record = json.load(answer["Body"])
    assert record["state"] == "FAILED"
    assert record["error"]["memory_mb"] > 512
    assert f"needs {record['error']['memory_mb']} MB" in record["error"]["message"]
    assert "MaxTaskMemory" in record["error"]["hint"]
    assert sizes_of(pipeline, job_id) == [SMALLEST]
