"""What a job is called, and its record before the worker has touched it."""

import hashlib
import json
import re
import unicodedata
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from uploads import Upload

# An execution's name may have 80 characters (StartExecution's reference); the dash and the digest take 17 of them.
SLUG_LENGTH = 60
DIGEST_LENGTH = 16


def job_id(upload: Upload) -> str:
    """Name the job of an upload: a readable slug of the file's name, a dash and 16 hex digits.

    The same upload always has the same name, however often its event is delivered. A version says which upload it was;
    without versioning, content, size and S3's sequencer have to.
    """
    if upload.version_id and upload.version_id != "null":
        identity = [upload.bucket, upload.key, upload.version_id]
    else:
        identity = [upload.bucket, upload.key, upload.etag, str(upload.size), upload.sequencer]
    # JSON rather than a separator: a key may hold any character, and two uploads must never spell the same text.
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
    return f"{_slug(PurePosixPath(upload.key).stem)}-{digest[:DIGEST_LENGTH]}"


def _slug(text: str) -> str:
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")[:SLUG_LENGTH].rstrip("-") or "video"


def queued_record(identifier: str, upload: Upload, now: datetime) -> dict[str, Any]:
    """The first state of ``jobs/<job id>.json``; the worker and the state machine write the later ones."""
    timestamp = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "job_id": identifier,
        "state": "QUEUED",
        "phase": None,
        "percent": 0,
        "source": source(upload),
        "watermark": None,
        "output": None,
        "error": None,
        "attempt": 0,
        "created_at": timestamp,
        "updated_at": timestamp,
        "timings": {},
        "task_arn": None,
        "task": None,
        "notes": [],
    }


def execution_input(identifier: str, upload: Upload) -> dict[str, Any]:
    """What the state machine gets. A pure function of the upload, so that StartExecution stays idempotent."""
    return {"job_id": identifier, "source": source(upload)}


def source(upload: Upload) -> dict[str, Any]:
    """The upload as record and state machine name it. Texts only hold no null: the state machine passes them on."""
    return {
        "key": upload.key,
        "version_id": upload.version_id or "",
        "etag": upload.etag,
        "size": upload.size,
    }
