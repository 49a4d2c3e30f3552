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
