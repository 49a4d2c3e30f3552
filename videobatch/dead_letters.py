"""The queue of events that the trigger function has failed on, and their way back through it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from uploads import MalformedRecord, parse_record
from videobatch import trigger
from videobatch.errors import JobsNotDone
from videobatch.pipeline import Pipeline
from videobatch.trigger import TriggerFailed

HIDDEN_SECONDS = 900  # while one run looks at a letter, another shall not; the function takes a minute for each at most
PATIENCE_SECONDS = 2  # a long poll asks all of SQS's servers, a short one only some
BATCH = 10  # as many as SQS hands out at a time


@dataclass(frozen=True)
class DeadLetter:
    """One letter.

    Attributes:
        event: S3's event; None if the letter holds none.
    """

    message_id: str
    event: dict[str, Any] | None

    @property
    def keys(self) -> list[str]:
        """The keys of its uploads."""
        return [_key(record) for record in (self.event or {}).get("Records", [])]


class LetterNotRemoved(JobsNotDone):
    """The jobs of a letter are started, and it is in the queue all the same: it can only go back once more.

    Attributes:
        jobs: Their ids.
    """

    def __init__(self, jobs: list[str], reason: Exception) -> None:
        self.jobs = jobs
        super().__init__(f"Its jobs are started, but the letter was not removed: {reason}", "Redrive it again.")


@dataclass
class DeadLetterQueue:
    """The queue while one run looks through it: what it has not removed can be received again after the block."""

    pipeline: Pipeline
    _held: dict[str, str] = field(default_factory=dict)
    """Message → the handle by which it was received last."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(BotoCoreError):  # where nobody answers, their time has to be over
            for handle in self._held.values():
                with suppress(ClientError):  # it is visible by itself if its time was over
                    self._client.change_message_visibility(
                        QueueUrl=self._url, ReceiptHandle=handle, VisibilityTimeout=0
                    )

    def letters(self) -> Iterator[DeadLetter]:
        """Yield all letters, each once, though SQS may hand one out again, and does so when its time was over."""
        seen: set[str] = set()
        while True:
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=BATCH,
                WaitTimeSeconds=PATIENCE_SECONDS,
                VisibilityTimeout=HIDDEN_SECONDS,
            )
            received = {message["MessageId"]: message for message in answer.get("Messages", [])}
            if not received:
                return
            self._held |= {identifier: message["ReceiptHandle"] for identifier, message in received.items()}
            new = [message for identifier, message in received.items() if identifier not in seen]
            seen |= received.keys()
            yield from (DeadLetter(message["MessageId"], _event(message["Body"])) for message in new)

    def redrive(self, letter: DeadLetter) -> list[str]:
        """Send a letter's event through the function, and remove the letter once all its jobs are started.

        Returns:
            The ids of the jobs.

        Raises:
            TriggerFailed, LetterNotRemoved: It stays in the queue.
        """
        if letter.event is None:
            raise TriggerFailed("The letter holds no event of S3.")
        jobs = trigger.invoke(self.pipeline, letter.event)
        try:
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=self._held[letter.message_id])
        except (BotoCoreError, ClientError) as error:
            raise LetterNotRemoved(jobs, error) from error
        del self._held[letter.message_id]
        return jobs

    @property
    def _client(self) -> Any:
        return self.pipeline.client("sqs")

    @property
    def _url(self) -> str:
        return self.pipeline.outputs["DeadLetterQueueUrl"]


def _event(body: str) -> dict[str, Any] | None:
    """Return what the function was called with, as Lambda wraps it up for a destination.

    Format: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    try:
        event = json.loads(body)["requestPayload"]
    except (ValueError, KeyError, TypeError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("Records"), list) else None


def _key(record: Any) -> str:
    try:
        return parse_record(record).key
    except MalformedRecord:
        return "(no upload)"
