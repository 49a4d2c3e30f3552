"""A queue of a test's own, for what the account tells of itself."""

import contextlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

import boto3

QUIET_SECONDS = 2


class Inbox:
    """Takes what rules and topics send, and keeps it in the order in which it came."""

    def __init__(self) -> None:
        self._sqs = boto3.client("sqs")
        self.name = f"inbox-{uuid.uuid4().hex[:10]}"
        self._url = self._sqs.create_queue(QueueName=self.name)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])["Attributes"]
        self.arn: str = attributes["QueueArn"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]},
                    "Action": "sqs:SendMessage",
                    "Resource": self.arn,
                }
            ],
        }
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": json.dumps(policy)})
        self._received: list[Any] = []

    def received(self, seconds: int = 0) -> list[Any]:
        """All that has come since the beginning; waits for at most ``seconds`` for something new."""
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds)
        for message in answer.get("Messages", []):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            self._received.append(json.loads(message["Body"]))
        return self._received

    def settle(self) -> None:
        """Wait until nothing has come for a while."""
        known = -1
        while known < len(self._received):
            known = len(self._received)
            self.received(QUIET_SECONDS)

    def close(self) -> None:
        self._sqs.delete_queue(QueueUrl=self._url)


@contextlib.contextmanager
def subscribed(topic_arn: str) -> Iterator[Inbox]:
    """An inbox for a topic's messages, each with its Subject and Message."""
    sns, inbox = boto3.client("sns"), Inbox()
    try:
        arn = sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=inbox.arn)["SubscriptionArn"]
        yield inbox
        sns.unsubscribe(SubscriptionArn=arn)
    finally:
        inbox.close()


@contextlib.contextmanager
def listening(pattern: dict[str, Any]) -> Iterator[Inbox]:
    """An inbox for the events of the default bus that match."""
    events, inbox = boto3.client("events"), Inbox()
    try:
        events.put_rule(Name=inbox.name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=inbox.name, Targets=[{"Id": "inbox", "Arn": inbox.arn}])
        yield inbox
        events.remove_targets(Rule=inbox.name, Ids=["inbox"])
        events.delete_rule(Name=inbox.name)
    finally:
        inbox.close()
