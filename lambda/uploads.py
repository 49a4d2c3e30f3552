"""S3 event → uploads: which records of an event are videos to work on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

VIDEO_SUFFIX = ".mp4"


class MalformedRecord(ValueError):
    """A record that is not what S3 documents; delivering it again cannot help."""


@dataclass(frozen=True)
class Upload:
    """One object that S3 says was created."""

    bucket: str
    key: str
    version_id: str | None
    """None in a bucket without versioning."""
    etag: str
    size: int
    """Bytes."""
    sequencer: str


def parse_record(record: dict[str, Any]) -> Upload:
    """Read one entry of an event's ``Records``.

    The key arrives URL-encoded, with ``+`` for a space, and is decoded here, once, and nowhere else.
    Format: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html

    Raises:
        MalformedRecord: a field is missing or of the wrong type.
    """
    try:
        stored = record["s3"]["object"]
        return Upload(
            bucket=record["s3"]["bucket"]["name"],
            key=unquote_plus(stored["key"]),
            version_id=stored.get("versionId") or None,
            etag=stored["eTag"].strip('"'),
            size=int(stored["size"]),
            sequencer=stored.get("sequencer", ""),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedRecord(f"the record is not an S3 notification: {error!r}") from error


def reason_to_ignore(
    record: dict[str, Any], upload: Upload, bucket: str, upload_prefix: str, other_prefixes: Sequence[str]
) -> str | None:
    """Say why an upload is none of our business, or None if it is a video to work on.

    Results are videos too: where their prefix lies below that of the uploads, they must not start jobs of their own.
    """
    if not str(record.get("eventName", "")).startswith("ObjectCreated:"):
        return "not a created object"
    if upload.bucket != bucket:
        return "another bucket"
    if not upload.key.startswith(upload_prefix):
        return "not under the upload prefix"
    if any(upload.key.startswith(prefix) for prefix in other_prefixes):
        return "under the prefix of something else"
    if upload.key.endswith("/"):
        return "a folder marker"
    if not upload.key.lower().endswith(VIDEO_SUFFIX):
        return f"not a {VIDEO_SUFFIX} file"
    return None
