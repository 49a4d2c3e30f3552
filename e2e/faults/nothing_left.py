"""What must be true of the account after any fault: nothing lost, nothing half, nothing left."""

import functools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av.error
from botocore.exceptions import ClientError

from e2e.inspection import Video, difference, executions_of, inspect, tasks_of
from e2e.targets import Target
from videobatch.pipeline import TERMINAL_STATES, JobRecord, Pipeline

# Of the default watermark, in shares of width and height: 15 % of the width, 2 % from the corner.
MARK = (0.83, 0.88, 0.98, 0.97)
MARKED = 10  # steps of 255 that the mark changes, on average; the encoder alone changes less than 3
SUCCEEDED = "SUCCEEDED"


@dataclass(frozen=True)
class Upload:
    """One upload of a test: its name below the prefix, its version, and the file that it was."""

    name: str
    version_id: str
    video: Path


@dataclass(frozen=True)
class Findings:
    """What was found, each as a sentence; ``outputs`` is the number of whole, marked results."""

    outputs: int
    lost: tuple[str, ...]
    partial: tuple[str, ...]
    leftovers: tuple[str, ...]


def look(pipeline: Pipeline, target: Target, uploads: Sequence[Upload]) -> Findings:
    """Look at all that these uploads have come to, once their jobs have ended."""
    versions = {upload.version_id for upload in uploads}
    everything = list(pipeline.records())
    records = [record for record in everything if record["source"]["version_id"] in versions]
    lost = [problem for upload in uploads if (problem := _without_end(upload, records))]
    partial, leftovers, outputs = [], [], 0
    for name in sorted({upload.name for upload in uploads}):
        mine = [upload for upload in uploads if upload.name == name]
        succeeded = [record for record in records if _is_of(record, mine) and record["state"] == SUCCEEDED]
        if not _exists(pipeline, name):
            lost += [f"{name}: succeeded, but there is no result"] * bool(succeeded)
        elif not succeeded:
            partial.append(f"{name}: there is a result though no job succeeded")
        elif problem := _what_is_wrong(pipeline, name, mine, succeeded):
            partial.append(problem)
        else:
            outputs += 1
        written = _times_written(pipeline, name)
        writers = _succeeded_with(pipeline, name, everything)
        if written > writers:
            leftovers.append(f"{name}: written {written} times by {writers} jobs")
        leftovers += _unfinished(pipeline, name)
    for record in records:
        leftovers += _left_of_job(pipeline, target, record["job_id"])
    return Findings(outputs, tuple(lost), tuple(partial), tuple(leftovers))


def _without_end(upload: Upload, records: Sequence[JobRecord]) -> str | None:
    states = [record["state"] for record in records if record["source"]["version_id"] == upload.version_id]
    if len(states) == 1 and states[0] in TERMINAL_STATES:
        return None
    return f"{upload.name}: its records are {states or 'none'}"


def _is_of(record: JobRecord, uploads: Sequence[Upload]) -> bool:
    return record["source"]["version_id"] in {upload.version_id for upload in uploads}


def _succeeded_with(pipeline: Pipeline, name: str, records: Sequence[JobRecord]) -> int:
    """How many jobs have written a result of this name: another test may have uploaded under it before."""
    key = pipeline.outputs["UploadPrefix"] + name
    return sum(record["source"]["key"] == key and record["state"] == SUCCEEDED for record in records)


def _exists(pipeline: Pipeline, name: str) -> bool:
    """Whether a result is there."""
    try:
        pipeline.s3.head_object(Bucket=pipeline.bucket, Key=pipeline.result_key(name))
    except ClientError as error:
        if error.response["Error"]["Code"] == "404":
            return False
        raise
    return True


def _times_written(pipeline: Pipeline, name: str) -> int:
    key = pipeline.result_key(name)
    pages = pipeline.s3.get_paginator("list_object_versions").paginate(Bucket=pipeline.bucket, Prefix=key)
    return sum(each["Key"] == key for page in pages for each in page.get("Versions", []))


def _what_is_wrong(
    pipeline: Pipeline, name: str, uploads: Sequence[Upload], succeeded: Sequence[JobRecord]
) -> str | None:
    """Decode a result in full and compare it with the upload whose job wrote it."""
    head = pipeline.s3.head_object(Bucket=pipeline.bucket, Key=pipeline.result_key(name))
    writers = [record for record in succeeded if record["job_id"] == head["Metadata"].get("job-id")]
    if len(writers) != 1:
        return f"{name}: the result is of no job that succeeded"
    [source] = [upload for upload in uploads if upload.version_id == writers[0]["source"]["version_id"]]
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.mp4"
        pipeline.fetch(name, result)
        try:
            after = inspect(result)
        except (av.error.FFmpegError, IndexError) as error:
            return f"{name}: the result cannot be decoded: {error}"
    before = _decoded(source.video)
    if (after.size, after.timestamps, after.audio) != (before.size, before.timestamps, before.audio):
        return f"{name}: the result has {len(after.timestamps)} frames of {len(before.timestamps)}, or other sound"
    width, height = before.size
    left, top, right, bottom = MARK
    box = (round(left * width), round(top * height), round(right * width), round(bottom * height))
    if difference(before.middle, after.middle, box) < MARKED:
        return f"{name}: the result bears no mark"
    return None


@functools.cache
def _decoded(video: Path) -> Video:
    return inspect(video)


def _unfinished(pipeline: Pipeline, name: str) -> list[str]:
    listed = pipeline.s3.list_multipart_uploads(Bucket=pipeline.bucket, Prefix=pipeline.result_key(name))
    return [f"{name}: multipart upload {each['UploadId']}" for each in listed.get("Uploads", [])]


def _left_of_job(pipeline: Pipeline, target: Target, job_id: str) -> list[str]:
    found = executions_of(pipeline, job_id)
    left = [f"{job_id}: its execution still runs" for execution in found if execution["status"] == "RUNNING"]
    left += [f"{job_id}: it has {len(found)} executions"] * (len(found) != 1)
    tasks = tasks_of(pipeline, job_id)
    left += [f"{job_id}: task {task['taskArn']} is {task['lastStatus']}" for task in tasks if _runs(task)]
    return left + target.remains(job_id, tasks)


def _runs(task: dict[str, Any]) -> bool:
    return bool(task["lastStatus"] != "STOPPED")
