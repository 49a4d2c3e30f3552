"""Which jobs a listing is about."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase

from videobatch import records
from videobatch.pipeline import JobRecord, Pipeline
from videobatch.records import ListedJob

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class State(StrEnum):
    """A job's state, as its record has it."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    SUPERSEDED = "SUPERSEDED"


@dataclass(frozen=True)
class Filter:
    """What the jobs of a listing have in common.

    Attributes:
        states: Empty for all.
        key: A pattern with * and ? for the upload's key below its prefix; None for all.
        newer_than, older_than: How long ago the record was written last.
        before: The last job of the page before: `Page.next`.
    """

    states: tuple[State, ...] = ()
    key: str | None = None
    newer_than: timedelta | None = None
    older_than: timedelta | None = None
    before: str | None = None

    def takes_listed(self, job: ListedJob, now: datetime) -> bool:
        """Whether a job is one of them, as far as the listing tells."""
        since = now - job.changed
        if self.newer_than is not None and since > self.newer_than:
            return False
        if self.older_than is not None and since < self.older_than:
            return False
        return self.before is None or _mark(job) < self.before

    def takes(self, record: JobRecord, upload_prefix: str) -> bool:
        """Whether a job is one of them, as far as its record tells."""
        if self.states and record["state"] not in self.states:
            return False
        name = str(record["source"].get("key", "")).removeprefix(upload_prefix)
        return self.key is None or fnmatchcase(name, self.key)


@dataclass(frozen=True)
class Page:
    """Jobs, the one that was written last first, and where the next page begins; None on the last one."""

    jobs: list[JobRecord]
    next: str | None


def select(pipeline: Pipeline, wanted: Filter, limit: int, now: datetime | None = None) -> Page:
    """Return the first jobs that a filter takes; no more records are read than that needs."""
    now = now or datetime.now(UTC)
    listed = {job.job_id: job for job in records.list_jobs(pipeline) if wanted.takes_listed(job, now)}
    found: list[JobRecord] = []
    for record in _taken(pipeline, listed, lambda record: wanted.takes(record, pipeline.outputs["UploadPrefix"])):
        if len(found) == limit:
            return Page(found, _mark(listed[found[-1]["job_id"]]))
        found.append(record)
    return Page(found, None)


def _taken(pipeline: Pipeline, listed: dict[str, ListedJob], takes: Callable[[JobRecord], bool]) -> Iterator[JobRecord]:
    return (record for record in records.read_many(pipeline, listed) if record["job_id"] in listed and takes(record))


def _mark(job: ListedJob) -> str:
    # Of one length, so that marks sort as times do; S3's own times have seconds, or less in an emulator.
    return f"{job.changed.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%S.%fZ')}/{job.job_id}"


def parse_length_of_time(text: str) -> timedelta:
    """Return `90s`, `15m`, `2h` or `3d` as a length of time.

    Raises:
        ValueError: It is none of them.
    """
    found = re.fullmatch(r"(\d{1,6})\s*([smhd])", text.strip())
    if not found:
        raise ValueError(f"{text!r} is no length of time: write 90s, 15m, 2h or 3d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
