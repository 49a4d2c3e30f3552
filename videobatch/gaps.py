"""Uploads that nobody works on: without a job, or with one that has stopped without an end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import batched

from jobs import job_id
from uploads import Upload, reason_to_ignore
from videobatch import records, trigger
from videobatch.errors import NotPossible, OperatorError
from videobatch.executions import describe_execution
from videobatch.pipeline import TERMINAL_STATES, JobRecord, Pipeline
from videobatch.records import UNREADABLE, Changed
from videobatch.restarting import last_execution, restart, start, upload_of, wait_for_end
from videobatch.trigger import TriggerFailed

UPLOADS_PER_EVENT = 10  # the function has a minute for an event
SILENT_SECONDS = 60.0  # a worker that lives writes every five; after that, it is worth asking whether one does


class Reason(StrEnum):
    """Why nobody works on an upload."""

    NO_JOB = "it has no job"
    NOT_STARTED = "its job was never started"
    STOPPED = "its job has stopped without an end"


@dataclass(frozen=True)
class Gap:
    """An upload that nobody works on."""

    job_id: str
    upload: Upload
    reason: Reason


def find_gaps(pipeline: Pipeline) -> Iterator[Gap]:
    """Yield the gaps among the current uploads and among all jobs.

    An upload that was replaced before it had a job is none: its job would do nothing but find that out.
    """
    known = [job.job_id for job in records.list_jobs(pipeline)]
    with_job = set(known)
    for upload in _uploads(pipeline):
        identifier = job_id(upload)
        if identifier not in with_job:
            yield Gap(identifier, upload, Reason.NO_JOB)
    for record in records.read_many(pipeline, known):
        if record["state"] not in TERMINAL_STATES and record["state"] != UNREADABLE:
            reason = why_nobody_works_on(pipeline, record)
            if reason is not None and not _has_ended(pipeline, record["job_id"]):  # since its record was read
                yield Gap(record["job_id"], upload_of(pipeline, record), reason)


def fill(pipeline: Pipeline, gaps: Sequence[Gap]) -> Iterator[tuple[Gap, OperatorError | None]]:
    """Start what is missing. Yield each gap with why it could not be filled, and none that somebody else has filled."""
    missing = [gap for gap in gaps if gap.reason is Reason.NO_JOB]
    for some in batched(missing, UPLOADS_PER_EVENT, strict=False):
        try:
            trigger.invoke(pipeline, trigger.event_of([gap.upload for gap in some]))
        except TriggerFailed as error:
            yield from ((gap, error) for gap in some)
            continue
        for gap in some:
            # Of a job whose record was removed, the execution's name is taken: the function has started nothing.
            _, problem = _try_to_start(pipeline, replace(gap, reason=Reason.STOPPED))
            yield gap, problem
    for gap in gaps:
        if gap.reason is not Reason.NO_JOB:
            started, problem = _try_to_start(pipeline, gap)
            if started or problem:
                yield gap, problem


def why_nobody_works_on(pipeline: Pipeline, record: JobRecord) -> Reason | None:
    """Return why a job that has no end has nobody to give it one, or None: its execution runs."""
    execution = describe_execution(pipeline, last_execution(record))
    if execution is None:
        return Reason.NOT_STARTED
    return None if execution["status"] == "RUNNING" else Reason.STOPPED


def _try_to_start(pipeline: Pipeline, gap: Gap) -> tuple[bool, OperatorError | None]:
    try:
        return _start(pipeline, gap), None
    except Changed:  # by another run of this, or a task's last word
        return False, None
    except NotPossible as error:
        return False, error


def _has_ended(pipeline: Pipeline, identifier: str) -> bool:
    found = records.read(pipeline, identifier)
    return found is None or found[0]["state"] in TERMINAL_STATES


def _start(pipeline: Pipeline, gap: Gap) -> bool:
    """Start a job anew, if it is still as it was found.

    Raises:
        NotPossible: Something of it goes on.
    """
    found = records.read(pipeline, gap.job_id)
    if found is None:
        return False
    record, etag = found
    if record["state"] in TERMINAL_STATES or why_nobody_works_on(pipeline, record) is not gap.reason:
        return False
    if gap.reason is Reason.NOT_STARTED:
        start(pipeline, record)
    else:
        wait_for_end(pipeline, record)
        restart(pipeline, record, etag)
    return True


def _uploads(pipeline: Pipeline) -> Iterator[Upload]:
    outputs = pipeline.outputs
    others = [outputs[name] for name in ("ResultPrefix", "WatermarkPrefix", "JobPrefix")]
    pages = pipeline.s3.get_paginator("list_object_versions").paginate(
        Bucket=pipeline.bucket, Prefix=outputs["UploadPrefix"]
    )
    for page in pages:
        for version in page.get("Versions", []):
            upload = Upload(
                pipeline.bucket,
                version["Key"],
                version["VersionId"],
                version["ETag"].strip('"'),
                version["Size"],
                sequencer="",
            )
            created = {"eventName": "ObjectCreated:Put"}
            ignored = reason_to_ignore(created, upload, pipeline.bucket, outputs["UploadPrefix"], others)
            if version["IsLatest"] and not ignored:
                yield upload
