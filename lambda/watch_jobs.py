"""Lambda ``watermark-video-watch``: looks at what no execution tells of.

What it shall look at is in the event that a rule sends: ``{"look_at": "running jobs"}``, ``"dead letters"``, or
``"a stopped execution"`` with the ``execution``'s ARN.
"""

import json
import os
from datetime import UTC, datetime

import boto3
from botocore.config import Config

import messages
import metrics
import stopped_jobs
from dead_letters import count, peek

BUCKET = "BUCKET"
JOB_PREFIX = "JOB_PREFIX"
STATE_MACHINE_ARN = "STATE_MACHINE_ARN"
DEAD_LETTER_QUEUE_URL = "DEAD_LETTER_QUEUE_URL"
TOPIC_ARN = "TOPIC_ARN"
STACK = "STACK"

_CONFIG = Config(retries={"mode": "standard", "max_attempts": 4})
_stepfunctions = boto3.client("stepfunctions", config=_CONFIG)
_sqs = boto3.client("sqs", config=_CONFIG)
_sns = boto3.client("sns", config=_CONFIG)
_s3 = boto3.client("s3", config=_CONFIG)
_events = boto3.client("events", config=_CONFIG)


def handle(event: dict[str, str], _context: object) -> None:
    """Look at what the event names.

    Raises:
        ValueError: that is nothing that there is to look at.
    """
    match event["look_at"]:
        case "running jobs":
            _measure_the_oldest_running_job()
        case "dead letters":
            _tell_of_dead_letters()
        case "a stopped execution":
            _tell_of_a_stopped_job(event["execution"])
        case other:
            raise ValueError(f"there is nothing called {other!r} to look at")


def _measure_the_oldest_running_job() -> None:
    now = datetime.now(UTC)
    pages = _stepfunctions.get_paginator("list_executions").paginate(
        stateMachineArn=os.environ[STATE_MACHINE_ARN], statusFilter="RUNNING"
    )
    started: list[datetime] = [execution["startDate"] for page in pages for execution in page["executions"]]
    age = max(0.0, (now - min(started)).total_seconds()) if started else 0.0
    print(metrics.of_oldest_running_job(age, os.environ[STACK], now))


def _tell_of_dead_letters() -> None:
    url = os.environ[DEAD_LETTER_QUEUE_URL]
    total = count(_sqs, url)
    if letters := peek(_sqs, url):
        message = messages.of_dead_letters(letters, total, url)
        _sns.publish(TopicArn=os.environ[TOPIC_ARN], Subject=message.subject, Message=message.text)


def _tell_of_a_stopped_job(execution: str) -> None:
    done = stopped_jobs.tell(_stepfunctions, _s3, _events, execution, os.environ[BUCKET], os.environ[JOB_PREFIX])
    print(json.dumps({"level": "INFO", "message": done, "execution": execution}))
