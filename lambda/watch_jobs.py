"""Lambda ``watermark-video-watch``: looks at what no event tells of, such as jobs that do not end and dead letters.

What it shall look at is in the event that a schedule sends: ``{"look_at": "running jobs"}`` or ``"dead letters"``.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime

import boto3
from botocore.config import Config

import messages
import metrics
from dead_letters import count, peek

STATE_MACHINE_ARN = "STATE_MACHINE_ARN"
DEAD_LETTER_QUEUE_URL = "DEAD_LETTER_QUEUE_URL"
TOPIC_ARN = "TOPIC_ARN"
STACK = "STACK"

_CONFIG = Config(retries={"mode": "standard", "max_attempts": 4})
_stepfunctions = boto3.client("stepfunctions", config=_CONFIG)
_sqs = boto3.client("sqs", config=_CONFIG)
_sns = boto3.client("sns", config=_CONFIG)


def handle(event: dict[str, str], _context: object) -> None:
    """Look at what the event names."""
    looks: dict[str, Callable[[], None]] = {
        "running jobs": _measure_the_oldest_running_job,
        "dead letters": _tell_of_dead_letters,
    }
    looks[event["look_at"]]()


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
