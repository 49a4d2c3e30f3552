"""Lambda ``watermark-video-report``: each finished job becomes metrics, and a failed one a message as well."""

import os
from typing import Any

import boto3
from botocore.config import Config

import messages
import metrics

BUCKET = "BUCKET"
JOB_PREFIX = "JOB_PREFIX"
TOPIC_ARN = "TOPIC_ARN"
STACK = "STACK"

_sns = boto3.client("sns", config=Config(retries={"mode": "standard", "max_attempts": 4}))


def handle(event: dict[str, Any], _context: object) -> None:
    """Report a finished job.

    If the message cannot be sent this raises, and Lambda repeats the event. So the message comes first: metrics that
    are printed twice count twice.

    Args:
        event: EventBridge's, whose detail is the job record.
    """
    record = event["detail"]
    if record["state"] == "FAILED":
        url = f"s3://{os.environ[BUCKET]}/{os.environ[JOB_PREFIX]}{record['job_id']}.json"
        message = messages.of_failed_job(record, url, event["resources"])
        _sns.publish(TopicArn=os.environ[TOPIC_ARN], Subject=message.subject, Message=message.text)
    print(metrics.of_job(record, os.environ[STACK]))
