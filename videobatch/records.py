"""Job records: found, read many at a time, and changed only if nobody else has changed them meanwhile."""

import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from botocore.exceptions import ClientError

from jobs import job_id
from uploads import Upload
from videobatch.errors import NotFound, NotPossible
from videobatch.pipeline import CONNECTIONS, JobRecord, Pipeline
from worker.log import rfc3339

SUFFIX = ".json"
UNREADABLE = "UNREADABLE"
UNREADABLE_HINT = "Remove the record; videobatch backfill then makes a new one and begins the job again."
_SHOWN_CANDIDATES = 5
_MISSING = ("NoSuchKey", "404")
_CONFLICT = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


class Changed(NotPossible):
    """Somebody else has changed the record since it was read."""


@dataclass(frozen=True)
class ListedJob:
    """What a listing of the bucket tells of a job: when its record was written last."""

    job_id: str
    changed: datetime


def list_jobs(pipeline: Pipeline) -> list[ListedJob]:
    """Return all jobs, the one whose record was written last first."""
    prefix = pipeline.outputs["JobPrefix"]
    pages = pipeline.s3.get_paginator("list_objects_v2").paginate(Bucket=pipeline.bucket, Prefix=prefix)
    found = [
        ListedJob(entry["Key"].removeprefix(prefix).removesuffix(SUFFIX), entry["LastModified"])
        for page in pages
        for entry in page.get("Contents", [])
        if entry["Key"].endswith(SUFFIX)
    ]
    return sorted(found, key=lambda job: (job.changed, job.job_id), reverse=True)


def read(pipeline: Pipeline, identifier: str) -> tuple[JobRecord, str] | None:
    """Return a job's record and its ETag, or None if there is none."""
    try:
        answer = pipeline.s3.get_object(Bucket=pipeline.bucket, Key=_key(pipeline, identifier))
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return None
        raise
    try:
        record = json.loads(answer["Body"].read())
    except ValueError:
        record = None
    if not isinstance(record, dict) or "state" not in record:
        record = {"state": UNREADABLE}
    blank: JobRecord = {"job_id": identifier, "phase": None, "percent": 0, "source": {}, "error": None, "attempt": 0}
    return blank | record, answer["ETag"].strip('"')


def read_many(pipeline: Pipeline, identifiers: Iterable[str]) -> Iterator[JobRecord]:
    """Yield records in the order of their jobs, without those that are gone; only as many are read as are taken."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for some in batched(identifiers, CONNECTIONS, strict=False):
            for found in list(pool.map(lambda identifier: read(pipeline, identifier), some)):
                if found is not None:
                    yield found[0]


def replace(pipeline: Pipeline, record: JobRecord, etag: str, changes: Mapping[str, Any]) -> JobRecord:
    """Write a record with these changes, if it is still the one that was read; return it.

    Raises:
        Changed: It is not.
    """
    changed = {**record, **changes, "updated_at": rfc3339(datetime.now(UTC))}
    try:
        pipeline.s3.put_object(
            Bucket=pipeline.bucket,
            Key=_key(pipeline, record["job_id"]),
            Body=json.dumps(changed, indent=1, ensure_ascii=False).encode(),
            ContentType="application/json",
            CacheControl="no-store",
            IfMatch=f'"{etag}"',
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in (*_CONFLICT, *_MISSING):
            raise
        raise Changed(
            f"The record of {record['job_id']} was changed by somebody else at the same moment.", "Look at it again."
        ) from error
    return changed


def job_of_version(pipeline: Pipeline, key: str, version_id: str) -> str:
    """Return the id of an upload's job, whether there is such a job or not."""
    # A version says which upload it was; the rest would count only in a bucket that has none.
    return job_id(Upload(pipeline.bucket, key, version_id, etag="", size=0, sequencer=""))


def find(pipeline: Pipeline, text: str) -> str:
    """Return the id of the one job that is called so, or whose id begins so.

    Raises:
        NotFound: There is none, or there are several.
    """
    if text and read(pipeline, text) is not None:
        return text
    candidates = complete(pipeline, text, _SHOWN_CANDIDATES + 1) if text else []
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise NotFound(f"There is no job {text}.", "List them with: videobatch jobs")
    shown = ", ".join(candidates[:_SHOWN_CANDIDATES]) + (" …" if len(candidates) > _SHOWN_CANDIDATES else "")
    raise NotFound(f"Several jobs begin with {text}: {shown}.", "Give more of the id.")


def complete(pipeline: Pipeline, text: str, limit: int = 50) -> list[str]:
    """Return the first ids in alphabetical order that begin so."""
    prefix = pipeline.outputs["JobPrefix"]
    page = pipeline.s3.list_objects_v2(Bucket=pipeline.bucket, Prefix=prefix + text, MaxKeys=limit)
    return [entry["Key"].removeprefix(prefix).removesuffix(SUFFIX) for entry in page.get("Contents", [])]


def require(pipeline: Pipeline, text: str) -> JobRecord:
    """Return the record of the one job that is called so.

    Raises:
        NotFound
    """
    found = read(pipeline, find(pipeline, text))
    if found is None:
        raise NotFound(f"There is no job {text}.", "List them with: videobatch jobs")
    return found[0]


def _key(pipeline: Pipeline, identifier: str) -> str:
    return f"{pipeline.outputs['JobPrefix']}{identifier}{SUFFIX}"
