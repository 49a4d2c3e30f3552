"""The dead-letter queue, read without taking anything out of it."""

import json
from datetime import UTC, datetime
from typing import Any

from messages import DeadLetter
from uploads import MalformedRecord, parse_record

MOST_LETTERS = 100
BATCH = 10  # what SQS hands out and takes back at a time
HOLD_SECONDS = 60  # the function's own time: should it be killed, its letters are there again when it would have ended


def count(sqs: Any, queue_url: str) -> int:
    """How many letters there are, as far as SQS knows."""
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(attributes["Attributes"]["ApproximateNumberOfMessages"])


def peek(sqs: Any, queue_url: str) -> list[DeadLetter]:
    """Read letters, oldest first, at most ``MOST_LETTERS``.

    SQS shows a message only by hiding it for a while. Each is shown to all again at once when the last has been read,
    or, should this process be killed, after ``HOLD_SECONDS``. None is deleted.
    """
    held: dict[str, dict[str, Any]] = {}
    try:
        while len(held) < MOST_LETTERS:
            received = sqs.receive_message(
                QueueUrl=queue_url,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=HOLD_SECONDS,
                WaitTimeSeconds=1,  # asks all of SQS's servers, where 0 asks some
                MessageSystemAttributeNames=["SentTimestamp"],
            ).get("Messages", [])
            if not received:
                break
            held |= {message["MessageId"]: message for message in received}
    finally:
        _release(sqs, queue_url, [message["ReceiptHandle"] for message in held.values()])
    return sorted((_read(message) for message in held.values()), key=lambda letter: letter.sent_at)


def _release(sqs: Any, queue_url: str, handles: list[str]) -> None:
    for start in range(0, len(handles), BATCH):
        sqs.change_message_visibility_batch(
            QueueUrl=queue_url,
            Entries=[
                {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for index, handle in enumerate(handles[start : start + BATCH])
            ],
        )


def _read(message: dict[str, Any]) -> DeadLetter:
    """Read what Lambda sends to the destination of failed events.

    Format: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    sent = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
    sent_at = sent.isoformat(timespec="seconds").replace("+00:00", "Z")
    try:
        letter = json.loads(message["Body"])
        keys = tuple(parse_record(record).key for record in letter["requestPayload"]["Records"])
        answer = letter.get("responsePayload") or {}  # none if the event has only become too old
        reason = answer.get("errorMessage") or letter["requestContext"]["condition"]
    except (ValueError, KeyError, TypeError, AttributeError, MalformedRecord):
        return DeadLetter(sent_at, (), f"message {message['MessageId']}")
    return DeadLetter(sent_at, keys, reason)
