"""What people are told, in the words of a mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Message:
    """A message for a topic."""

    subject: str
    """ASCII without line ends, less than 100 characters: what SNS takes."""
    text: str


@dataclass(frozen=True)
class DeadLetter:
    """An event that the function could not handle in three deliveries."""

    sent_at: str
    """RFC 3339, UTC."""
    keys: tuple[str, ...]
    """Of the uploads that it is about; empty if it cannot be read."""
    reason: str


def of_failed_job(record: dict[str, Any], record_url: str, executions: Sequence[str]) -> Message:
    """Tell of a job that has failed.

    Args:
        record: The job record.
        record_url: Where that lies, such as ``s3://bucket/jobs/x.json``.
        executions: ARNs of what the event is about, the execution among them.
    """
    error = record["error"]
    return Message(
        subject=f"Video failed: {record['job_id']}",  # at most 91 characters: see job_id
        text="\n".join(
            [
                f"There will be no watermarked copy of {record['source']['key']}.",
                "",
                f"{error['code']}: {error['message']}",
                f"What to do: {error['hint']}",
                "",
                f"Job: {record['job_id']}, attempt {record['attempt']}",
                f"From {record['created_at']} to {record['updated_at']}",
                f"Record: {record_url}",
                *(f"Execution: {arn}" for arn in executions if ":execution:" in arn),
            ]
        ),
    )


def of_dead_letters(letters: Sequence[DeadLetter], total: int, queue_url: str) -> Message:
    """Tell of the events that wait in the dead-letter queue.

    Args:
        letters: Those that were looked at; at least one.
        total: How many there are, as far as SQS knows.
        queue_url: Where they wait.
    """
    others = max(0, total - len(letters))
    return Message(
        subject=f"Dead letters: {len(letters) + others}",
        text="\n".join(
            [
                "These uploads have no job, or one that was never started. Their events wait for at most 14 days in",
                queue_url,
                "Mend the reason, then send them through the function again: videobatch redrive",
                "",
                *(f"{letter.sent_at}  {_names(letter)}  {letter.reason}" for letter in letters),
                *([f"… and {others} more"] if others else []),
            ]
        ),
    )


def _names(letter: DeadLetter) -> str:
    return ", ".join(letter.keys) or "(a letter of another kind)"
