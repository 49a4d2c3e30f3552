"""Results come down: whole or not at all, and never over a file that nobody wanted replaced."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from botocore.exceptions import ClientError

from videobatch.errors import FileUnusable, NotFound, NotPossible
from videobatch.pipeline import TRANSFER, JobRecord, Pipeline
from worker.publish import JOB_ID_METADATA

RESULT_ENDING = ".watermarked.mp4"


def default_name(key: str) -> str:
    """Return what the result of an upload is called here: never as the upload, which may lie in the same folder."""
    return PurePosixPath(key).stem.replace("\0", "") + RESULT_ENDING


def require_free(target: Path, force: bool) -> None:
    """Check that a file can be written, before there is anything to write.

    Raises:
        FileUnusable
    """
    if target.is_dir():
        raise FileUnusable(f"{target} is a folder.", "Name a file in it with --output.")
    if not target.parent.is_dir():
        raise FileUnusable(f"There is no folder {target.parent}.", "Create it, or name another one with --output.")
    if target.exists() and not force:
        raise FileUnusable(f"{target} exists already.", "Give --force to replace it, or another name with --output.")


@dataclass(frozen=True)
class Result:
    """A job's result as it lies in the bucket.

    Attributes:
        version_id: None in a bucket without versions.
        size: Bytes.
    """

    key: str
    version_id: str | None
    size: int


def result_of(pipeline: Pipeline, record: JobRecord) -> Result:
    """Return where a job's result is.

    Raises:
        NotPossible: It has none, or that of a later upload lies there by now.
        NotFound: Somebody has removed it.
    """
    if record["state"] != "SUCCEEDED":
        raise NotPossible(
            f"The job {record['job_id']} is {record['state']} and has no result.",
            f"See why with: videobatch show {record['job_id']}",
        )
    key: str = record["output"]["key"]
    try:
        head = pipeline.s3.head_object(Bucket=pipeline.bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        raise NotFound(f"The result {key} was removed.", "Upload the video again.") from error
    if head["Metadata"].get(JOB_ID_METADATA) != record["job_id"]:
        raise NotPossible(
            f"{key} is the result of a later upload of the same key: {head['Metadata'].get(JOB_ID_METADATA)}.",
            "Fetch that job instead.",
        )
    return Result(key, head.get("VersionId"), head["ContentLength"])


def download(pipeline: Pipeline, result: Result, target: Path, progress: Callable[[int], None]) -> None:
    """Write a result to a file: just this one, whatever has taken its place meanwhile.

    Args:
        progress: Called with the number of bytes that have arrived since the last call, from several threads.
    """
    pin = {"VersionId": result.version_id} if result.version_id else {}
    with appearing(target) as partial:
        pipeline.s3.download_file(
            pipeline.bucket, result.key, str(partial), ExtraArgs=pin, Callback=progress, Config=TRANSFER
        )


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """Give a file to write to, which becomes the target if the block ends well, and is gone if not."""
    partial = target.parent / f".videobatch-{secrets.token_hex(8)}.partial"  # never longer than a file system takes
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
