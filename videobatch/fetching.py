"""Results come down: whole or not at all, and never over a file that nobody wanted replaced."""

import secrets
from collections.abc import Callable
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


def result_of(pipeline: Pipeline, record: JobRecord) -> tuple[str, int]:
    """Return key and size in bytes of a job's result.

    Raises:
        NotPossible: It has none, or that of a later upload lies there by now.
        NotFound: Somebody has removed it.
    """
    if record["state"] != "SUCCEEDED":
        raise NotPossible(
            f"The job {record['job_id']} is {record['state']} and has no result.", "videobatch show tells more."
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
    return key, head["ContentLength"]


def download(pipeline: Pipeline, key: str, target: Path, progress: Callable[[int], None]) -> None:
    """Write an object to a file, which appears when it is whole.

    Args:
        progress: Called with the number of bytes that have arrived since the last call, from several threads.
    """
    partial = target.parent / f".{target.name[:100]}.{secrets.token_hex(4)}.partial"
    try:
        pipeline.s3.download_file(pipeline.bucket, key, str(partial), Callback=progress, Config=TRANSFER)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
