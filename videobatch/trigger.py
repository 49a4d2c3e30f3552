"""The trigger function, called by hand: with an event that it has failed on, or one that never reached it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote_plus

from botocore.exceptions import ClientError

from uploads import Upload
from videobatch.errors import JobsNotDone
from videobatch.pipeline import Pipeline


class TriggerFailed(JobsNotDone):
    """The function did not start all jobs of an event."""


def event_of(uploads: Sequence[Upload]) -> dict[str, Any]:
    """Return S3's event of these uploads, as the function reads it."""
    return {
        "Records": [
            {
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "bucket": {"name": upload.bucket},
                    "object": {
                        "key": quote_plus(upload.key),
                        "size": upload.size,
                        "eTag": upload.etag,
                        "versionId": upload.version_id or "",
                        "sequencer": upload.sequencer,
                    },
                },
            }
            for upload in uploads
        ]
    }


def invoke(pipeline: Pipeline, event: Mapping[str, Any]) -> list[str]:
    """Let the function handle an event, and wait for it. Jobs that exist already are left as they are.

    Returns:
        The ids of the event's jobs.

    Raises:
        TriggerFailed: Some were not started.
    """
    try:
        answer = pipeline.client("lambda").invoke(
            FunctionName=pipeline.outputs["FunctionName"], Payload=json.dumps(event).encode()
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "TooManyRequestsException":  # all its concurrency is in use
            raise
        raise TriggerFailed("The trigger function is busy with other uploads.", "Try again in a minute.") from error
    payload = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError") or not isinstance(payload, dict) or "jobs" not in payload:
        told = payload.get("errorMessage") if isinstance(payload, dict) else payload
        raise TriggerFailed(f"The trigger function failed: {told}.", "Its log group in CloudWatch has the reason.")
    return list(payload["jobs"])
