"""Putting the result where people look: once, whole, and only if no newer upload of the same key exists."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from worker.errors import SourceGone, StorageUnavailable
from worker.settings import Settings
from worker.storage import Conflict, Missing, ObjectInfo, Storage

JOB_ID_METADATA = "job-id"
DURATION_METADATA = "duration"
ATTEMPTS = 10  # each lost race means that another job published meanwhile


class Superseded(Exception):
    """A newer upload of the same key exists: its job publishes, this one does not."""


@dataclass(frozen=True)
class Published:
    """The output as it lies in the bucket: size in bytes, duration in seconds."""

    size: int
    duration: float


def find_published(storage: Storage, settings: Settings) -> Published | None:
    """Return this very job's output if it is there already: an attempt died between publishing and telling."""
    return _as_ours(storage.head(settings.output_key), settings)


def require_newest(storage: Storage, settings: Settings) -> ObjectInfo:
    """Return the source as it is now.

    Raises:
        SourceGone: It was deleted.
        Superseded: It is another upload by now.
    """
    current = storage.head(settings.source_key)
    if current is None:
        raise SourceGone(f"The uploaded video {settings.source_key} was deleted.")
    if settings.source_version_id is not None:
        newest = current.version_id == settings.source_version_id
    else:
        newest = current.etag == settings.source_etag
    if not newest:
        raise Superseded
    return current


def publish(
    storage: Storage,
    settings: Settings,
    path: Path,
    duration: float,
    progress: Callable[[float], None],
    claim: Callable[[], None],
    multipart: Callable[[str | None], None],
) -> Published:
    """Put the result under its key, in one step.

    The order matters: the output is looked at before the source. Whoever publishes between that look and ours changes
    the output's ETag, and the conditional request fails; so an older upload can never overwrite a newer one.

    Args:
        claim: Called before each request that may let the result appear; what it raises keeps it from doing so.
        multipart: Called with the id of each multipart upload before its first part, and with None if that is over.

    Raises:
        SourceGone, Superseded, StorageUnavailable
    """
    size = path.stat().st_size
    metadata = {
        JOB_ID_METADATA: settings.job_id,
        "source-version-id": settings.source_version_id or "null",
        "source-etag": settings.source_etag,
        DURATION_METADATA: f"{duration:.3f}",
    }
    for _ in range(ATTEMPTS):
        existing = storage.head(settings.output_key)
        if published := _as_ours(existing, settings):
            return published  # by a request whose answer got lost, or another worker of this job
        require_newest(storage, settings)
        try:
            storage.put_file(
                settings.output_key,
                path,
                metadata,
                existing.etag if existing else None,
                lambda sent: progress(sent / size),
                claim=claim,
                multipart=multipart,
            )
        except (Conflict, Missing):
            continue
        return Published(size, duration)
    raise StorageUnavailable("The output keeps changing while the worker publishes.")


def _as_ours(found: ObjectInfo | None, settings: Settings) -> Published | None:
    if found is None or found.metadata.get(JOB_ID_METADATA) != settings.job_id:
        return None
    return Published(found.size, float(found.metadata.get(DURATION_METADATA, "0")))
