"""Lambda ``start-watermark-job``: each uploaded video of an S3 event becomes one execution of the state machine."""

import json
import os
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from jobs import execution_input, job_id, queued_record
from uploads import MalformedRecord, Upload, parse_record, reason_to_ignore

BUCKET = "BUCKET"
UPLOAD_PREFIX = "UPLOAD_PREFIX"
RESULT_PREFIX = "RESULT_PREFIX"
WATERMARK_PREFIX = "WATERMARK_PREFIX"
JOB_PREFIX = "JOB_PREFIX"
STATE_MACHINE_ARN = "STATE_MACHINE_ARN"

# Lambda repeats a failed event itself, minutes later; within one invocation a few quick tries are enough.
_CLIENT_CONFIG = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=3, read_timeout=10)
_s3 = boto3.client("s3", config=_CLIENT_CONFIG)
_stepfunctions = boto3.client("stepfunctions", config=_CLIENT_CONFIG)


class JobsNotStarted(RuntimeError):
    """Some uploads of the event have no execution yet; raised so that Lambda delivers the event again."""


def handle(event: dict[str, Any], _context: object) -> dict[str, list[str]]:
    """Start a job for every video in an S3 event.

    Starting is idempotent, so a repeated event starts only what is still missing.

    Returns:
        The ids of the event's jobs, those that an earlier delivery had started among them.

    Raises:
        JobsNotStarted: at least one record failed for a reason that may pass; all others were dealt with.
    """
    if event.get("Event") == "s3:TestEvent":
        _log("INFO", "ignored S3's test event", bucket=event.get("Bucket"))
        return {"jobs": []}
    other_prefixes = (os.environ[RESULT_PREFIX], os.environ[WATERMARK_PREFIX], os.environ[JOB_PREFIX])
    started: list[str] = []
    failed: list[str] = []
    for record in event.get("Records", []):
        try:
            upload = parse_record(record)
        except MalformedRecord as error:
            _log("ERROR", "dropped a malformed record", error=str(error), record=record)
            continue
        if reason := reason_to_ignore(record, upload, os.environ[BUCKET], os.environ[UPLOAD_PREFIX], other_prefixes):
            _log("INFO", "ignored an object", key=upload.key, reason=reason)
            continue
        identifier = job_id(upload)
        try:
            _start_job(identifier, upload)
        except (BotoCoreError, ClientError) as error:
            _log("ERROR", "could not start a job", job_id=identifier, key=upload.key, error=str(error))
            failed.append(identifier)
        else:
            started.append(identifier)
    if failed:
        raise JobsNotStarted(f"{len(failed)} of {len(failed) + len(started)} jobs not started: {', '.join(failed)}")
    return {"jobs": started}


def _start_job(identifier: str, upload: Upload) -> None:
    # The record first: an upload whose execution cannot be started is then visible as QUEUED, and not lost.
    _write_queued_record(identifier, upload)
    try:
        _stepfunctions.start_execution(
            stateMachineArn=os.environ[STATE_MACHINE_ARN],
            name=identifier,
            input=json.dumps(execution_input(identifier, upload), ensure_ascii=False),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
        _log("INFO", "the job was started before", job_id=identifier, key=upload.key)
    else:
        _log("INFO", "started a job", job_id=identifier, key=upload.key, version_id=upload.version_id)


def _write_queued_record(identifier: str, upload: Upload) -> None:
    try:
        _s3.put_object(
            Bucket=upload.bucket,
            Key=f"{os.environ[JOB_PREFIX]}{identifier}.json",
            Body=json.dumps(queued_record(identifier, upload, datetime.now(UTC)), ensure_ascii=False).encode(),
            ContentType="application/json",
            IfNoneMatch="*",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        # Whatever is there is this record or a later state of the same job.


def _log(level: str, message: str, **fields: object) -> None:
    print(json.dumps({"level": level, "message": message, **fields}, ensure_ascii=False, default=str))
