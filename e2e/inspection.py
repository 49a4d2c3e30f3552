"""Look into videos and the account, as a suspicious user would."""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import boto3
import pytest
from PIL import ImageChops, ImageStat

from videobatch.pipeline import JobRecord, Pipeline

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Video:
    """What counts of a decoded video."""

    size: tuple[int, int]
    timestamps: list[int]
    """Of every frame, in ticks of the stream's time base."""
    audio: list[str]
    """SHA-256 of every audio packet."""
    codec: str
    middle: Any
    """The frame in the middle, as a PIL image."""


def inspect(path: Path) -> Video:
    """Decode a whole video."""
    with av.open(str(path)) as source:
        audio = [
            hashlib.sha256(bytes(packet)).hexdigest()
            for packet in source.demux()
            if packet.stream.type == "audio" and packet.size and packet.pts is not None
        ]
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        frames = list(source.decode(stream))
        return Video(
            size=(stream.width, stream.height),
            timestamps=[frame.pts for frame in frames if frame.pts is not None],
            audio=audio,
            codec=stream.codec_context.name,
            middle=frames[len(frames) // 2].to_image(),
        )


def difference(before: Any, after: Any, box: tuple[int, int, int, int]) -> float:
    """Mean absolute difference of two pictures inside a box (left, top, right, bottom), in steps of 255."""
    channels = ImageStat.Stat(ImageChops.difference(before.crop(box), after.crop(box))).mean
    return float(sum(channels) / len(channels))


def tasks_of(pipeline: Pipeline, job_id: str) -> list[dict[str, Any]]:
    """All ECS tasks that were ever started for a job, oldest first."""
    ecs = boto3.client("ecs")
    cluster = pipeline.outputs["ClusterName"]
    listed = [
        arn
        for status in ("RUNNING", "STOPPED")
        for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus=status)
        for arn in page["taskArns"]
    ]
    arns = list(dict.fromkeys(listed))  # one that ended between the two questions is in both answers
    found = []
    for start in range(0, len(arns), 100):  # DescribeTasks takes 100 at a time
        found += ecs.describe_tasks(cluster=cluster, tasks=arns[start : start + 100])["tasks"]
    mine = [task for task in found if job_id in _environment_of(task).values()]
    return sorted(mine, key=lambda task: task["createdAt"])


def _environment_of(task: dict[str, Any]) -> dict[str, str]:
    [override] = task["overrides"]["containerOverrides"]
    return {entry["name"]: entry["value"] for entry in override.get("environment", [])}


def executions_of(pipeline: Pipeline, job_id: str) -> list[dict[str, Any]]:
    """The executions that carry a job's name."""
    states = boto3.client("stepfunctions")
    pages = states.get_paginator("list_executions").paginate(stateMachineArn=pipeline.outputs["StateMachineArn"])
    return [execution for page in pages for execution in page["executions"] if execution["name"] == job_id]


def status_at_the_end(pipeline: Pipeline, job_id: str) -> Any:
    """The last status of a job's one execution, which ends a moment after the record does."""

    def status() -> Any:
        [execution] = executions_of(pipeline, job_id)
        return execution["status"] != "RUNNING" and execution["status"]

    return wait_until(status, f"the end of the execution {job_id}")


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Poll until ``condition`` gives something true, and return that; fail the test if it never does."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(POLL_SECONDS)
    return found


def wait_for_phase(pipeline: Pipeline, version_id: str, phase: str, attempt: int = 1) -> JobRecord:
    """Return the record of an upload's job once it is in this phase."""

    def reached() -> JobRecord | None:
        record = pipeline.record_of(version_id)
        return record if record and (record["phase"], record["attempt"]) == (phase, attempt) else None

    record: JobRecord = wait_until(reached, f"phase {phase} of attempt {attempt}")
    return record


@contextlib.contextmanager
def without_trigger(pipeline: Pipeline) -> Iterator[None]:
    """In the block S3 tells nobody of uploads."""
    bucket = {"Bucket": pipeline.bucket}
    configured = pipeline.s3.get_bucket_notification_configuration(**bucket)
    configured.pop("ResponseMetadata")
    pipeline.s3.put_bucket_notification_configuration(**bucket, NotificationConfiguration={})
    try:
        yield
    finally:
        pipeline.s3.put_bucket_notification_configuration(**bucket, NotificationConfiguration=configured)
