"""S3 as the worker needs it: a thin typed client with just these calls, and one translation of its errors."""

import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from worker.errors import AccessDenied, ConfigurationInvalid, InternalError, StorageUnavailable
from worker.stopping import answered

MEBIBYTE = 1024 * 1024
PART_BYTES = 16 * MEBIBYTE
SINGLE_PUT_BYTES = PART_BYTES  # what is larger reports its progress part by part
MAX_PARTS = 10_000  # S3's own limit
CHUNK_BYTES = MEBIBYTE // 8  # after each, a slow download is asked whether it may go on
# Five attempts with S3's own backoff take some 10 s, and a dead connection is noticed after 5 and 30.
CLIENT_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 5})

_MISSING = ("404", "NoSuchKey", "NoSuchVersion", "NotFound", "405", "MethodNotAllowed")  # 405: a delete marker
_CONFLICT = ("412", "PreconditionFailed", "ConditionalRequestConflict", "409")
_DENIED = ("403", "AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch")
_PASSING = (
    "RequestTimeout",
    "NoSuchUpload",
    "SlowDown",
    "ExpiredToken",
    "RequestTimeTooSkewed",
    "InvalidToken",
    "TokenRefreshRequired",
)


class Missing(Exception):
    """There is no such object or version."""


class Conflict(Exception):
    """The object is not, or no longer, in the state that a conditional request asked for."""


@dataclass(frozen=True)
class ObjectInfo:
    """What HeadObject says; `etag` is without quotes, `version_id` None without versioning."""

    size: int
    etag: str
    version_id: str | None
    metadata: dict[str, str] = field(default_factory=dict)


class Storage:
    """One bucket.

    Every method may raise StorageUnavailable, AccessDenied or ConfigurationInvalid (no such bucket) besides what it
    names.
    """

    def __init__(self, bucket: str, client: Any = None) -> None:
        self._bucket = bucket
        self._client = client or boto3.client("s3", config=CLIENT_CONFIG)

    def head(self, key: str, version_id: str | None = None) -> ObjectInfo | None:
        """Return what there is to know about an object, or None if there is none."""
        try:
            with _translated(f"look at {key}"):
                answer = self._client.head_object(Bucket=self._bucket, Key=key, **_version(version_id))
        except Missing:
            return None
        return _info(answer)

    def read(self, key: str, limit: int) -> tuple[bytes, str]:
        """Return the content of a small object, cut off one byte after `limit`, and its ETag.

        Raises:
            Missing
        """
        with _translated(f"read {key}"):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            with closing(answer["Body"]) as body:  # its own "with" hands out the bare socket
                return body.read(limit + 1), answer["ETag"].strip('"')

    def download(
        self, key: str, version_id: str | None, etag: str, path: Path, progress: Callable[[int], None]
    ) -> None:
        """Write exactly this version of an object to a file.

        Args:
            version_id: The version to read, or None to pin the read by `etag` alone.
            progress: Called with the number of bytes that have arrived.

        Raises:
            Missing: The version is gone, or the object is another one by now.
            StorageUnavailable: It broke off.
        """
        pin = _version(version_id) | ({"IfMatch": f'"{etag}"'} if etag else {})
        try:
            with _translated(f"read {key}"):
                answer = self._client.get_object(Bucket=self._bucket, Key=key, **pin)
                received = 0
                with closing(answer["Body"]) as body, path.open("wb") as file:
                    for chunk in body.iter_chunks(CHUNK_BYTES):
                        file.write(chunk)
                        received += len(chunk)
                        progress(received)
        except Conflict as error:
            raise Missing(key) from error
        if received != answer["ContentLength"]:
            raise StorageUnavailable(f"Only {received} of {answer['ContentLength']} bytes of {key} arrived.")

    def put_json(self, key: str, content: bytes, expected_etag: str | None) -> str:
        """Write an object if it still has this ETag, or does not exist for None; return its new ETag.

        Raises:
            Conflict
        """
        with _translated(f"write {key}"):
            answer = self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=content,
                ContentType="application/json",
                CacheControl="no-store",
                **_condition(expected_etag),
            )
        return str(answer["ETag"]).strip('"')

    def put_file(
        self,
        key: str,
        path: Path,
        metadata: Mapping[str, str],
        expected_etag: str | None,
        progress: Callable[[int], None],
        single_put_bytes: int = SINGLE_PUT_BYTES,
        *,
        claim: Callable[[], None] = lambda: None,
        multipart: Callable[[str | None], None] = lambda _upload: None,
    ) -> None:
        """Publish a video in one step, whole or not at all, if the object still has this ETag, or does not exist.

        Args:
            metadata: ASCII only.
            progress: Called with the number of bytes that have left.
            single_put_bytes: Larger files go as a multipart upload, which is aborted if anything fails.
            claim: Called right before the request that lets the object appear; if it raises, the object does not.
            multipart: Called with the id of a multipart upload before its first part; if it raises, there is none. And
                with None if it has failed and nothing of it is left.

        Raises:
            Conflict
        """
        description = {"ContentType": "video/mp4", "Metadata": dict(metadata)}
        size = path.stat().st_size
        if size > single_put_bytes:
            self._put_parts(key, path, size, description, expected_etag, progress, claim, multipart)
            return
        claim()
        with _translated(f"write {key}"), path.open("rb") as file:
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=file,
                ChecksumAlgorithm="CRC32",
                **description,
                **_condition(expected_etag),
            )
        progress(size)

    def abort_upload(self, key: str, upload: str) -> None:
        """Abort a multipart upload by its id, if it is there."""
        with _translated(f"abort an upload of {key}"):
            self._abort({"Bucket": self._bucket, "Key": key, "UploadId": upload})

    def _put_parts(
        self,
        key: str,
        path: Path,
        size: int,
        description: Mapping[str, Any],
        expected_etag: str | None,
        progress: Callable[[int], None],
        claim: Callable[[], None],
        multipart: Callable[[str | None], None],
    ) -> None:
        target = {"Bucket": self._bucket, "Key": key}
        with _translated(f"write {key}"):
            upload: dict[str, Any] | None = None
            try:
                with answered():
                    started = self._client.create_multipart_upload(
                        **target, **description, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"
                    )
                    upload = target | {"UploadId": started["UploadId"]}
                multipart(upload["UploadId"])
                parts, checksum = self._upload_parts(upload, path, size, progress)
                claim()
                self._client.complete_multipart_upload(
                    **upload,
                    MultipartUpload={"Parts": parts},
                    ChecksumCRC32=checksum,
                    ChecksumType="FULL_OBJECT",
                    **_condition(expected_etag),
                )
            except BaseException:  # being stopped is a failure too: unfinished parts are paid for until aborted
                if upload is not None:
                    with suppress(ClientError, BotoCoreError):  # the bucket's lifecycle rule is the second net
                        self._abort(upload)
                        multipart(None)
                raise

    def _abort(self, upload: Mapping[str, str]) -> None:
        try:
            self._client.abort_multipart_upload(**upload)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload":  # it is over, one way or the other
                raise

    def _upload_parts(
        self, upload: Mapping[str, Any], path: Path, size: int, progress: Callable[[int], None]
    ) -> tuple[list[dict[str, Any]], str]:
        part_bytes = max(PART_BYTES, -(-size // MAX_PARTS))
        parts: list[dict[str, Any]] = []
        crc = sent = 0
        with path.open("rb") as file:
            while content := file.read(part_bytes):
                number = len(parts) + 1
                answer = self._client.upload_part(
                    **upload, PartNumber=number, Body=content, ChecksumAlgorithm="CRC32"
                )  # fmt: skip
                parts.append(
                    {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": _crc32(zlib.crc32(content))}
                )
                crc, sent = zlib.crc32(content, crc), sent + len(content)
                progress(sent)
        return parts, _crc32(crc)


def _crc32(value: int) -> str:
    return b64encode(value.to_bytes(4, "big")).decode()


def _version(version_id: str | None) -> dict[str, str]:
    return {"VersionId": version_id} if version_id else {}


def _condition(expected_etag: str | None) -> dict[str, str]:
    return {"IfMatch": f'"{expected_etag}"'} if expected_etag else {"IfNoneMatch": "*"}


def _info(answer: Mapping[str, Any]) -> ObjectInfo:
    version_id = answer.get("VersionId")
    return ObjectInfo(
        size=answer["ContentLength"],
        etag=answer["ETag"].strip('"'),
        version_id=None if version_id in (None, "null") else version_id,
        metadata=answer.get("Metadata", {}),
    )


@contextmanager
def _translated(intent: str) -> Iterator[None]:
    """Turn botocore's errors into ours; `intent` completes the sentence "The worker could not …"."""
    try:
        yield
    except ClientError as error:
        raise _translate(error, intent) from error
    except NoCredentialsError as error:
        raise AccessDenied(f"The worker has no credentials to {intent}.") from error
    except BotoCoreError as error:
        raise StorageUnavailable(f"The worker could not {intent}: {type(error).__name__}.") from error


def _translate(error: ClientError, intent: str) -> Exception:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _MISSING:
        return Missing(intent)
    if code in _CONFLICT:
        return Conflict(intent)
    if code == "NoSuchBucket":
        return ConfigurationInvalid(f"The worker could not {intent}: there is no such bucket.")
    if code in _DENIED:
        said = error.response["Error"].get("Message", "")  # of which there is none if only the head was asked for
        reason = f": {said}" if "not authorized" in said else ""
        return AccessDenied(f"The worker is not allowed to {intent}{reason}.")
    if status >= 500 or status == 429 or code in _PASSING:
        return StorageUnavailable(f"The worker could not {intent}: {code}.")
    return InternalError(f"The worker could not {intent}: {code}.")
