"""What is known of a job when a test fails: its record, its tasks, and the end of their logs."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from e2e.inspection import tasks_of
from videobatch.pipeline import Pipeline

LOG_TAIL_LINES = 20
UPLOADS_IN_REPORT = 5


def describe_upload(pipeline: Pipeline, version_id: str) -> str:
    """All that the account says about the job of an upload."""
    record = pipeline.record_of(version_id)
    if not record:
        return f"upload {version_id} has no job record: look at the function's log"
    tasks = tasks_of(pipeline, record["job_id"])
    return "\n".join(
        [
            json.dumps(record, indent=2, ensure_ascii=False),
            *(_describe_task(pipeline, task) for task in tasks),
            *([] if tasks else ["no task was ever started for it: look at the execution's history"]),
        ]
    )


def _describe_task(pipeline: Pipeline, task: dict[str, Any]) -> str:
    lines = [
        f"task {task['taskArn']}: {task['lastStatus']}, stopCode {task.get('stopCode')}, "
        f"stoppedReason {task.get('stoppedReason')!r}"
    ]
    for container in task["containers"]:
        lines.append(
            f"  container {container['name']}: exit code {container.get('exitCode')}, "
            f"reason {container.get('reason')!r}; the end of its log:"
        )
        lines += [f"    {line}" for line in _log_tail(pipeline, task["taskArn"], container["name"])]
    return "\n".join(lines)


def _log_tail(pipeline: Pipeline, task_arn: str, container: str) -> list[str]:
    stream = f"worker/{container}/{task_arn.rsplit('/', 1)[-1]}"
    try:
        events = boto3.client("logs").get_log_events(
            logGroupName=pipeline.outputs["WorkerLogGroup"], logStreamName=stream, limit=LOG_TAIL_LINES
        )["events"]
    except ClientError as error:
        return [str(error)]
    return [event["message"] for event in events]


@dataclass
class WatchedPipeline(Pipeline):
    """Remembers what was uploaded, so that a failing test can tell of it."""

    uploads: list[str] = field(default_factory=list)
    """Versions, oldest first; cleared when a test has ended."""

    def upload(
        self,
        video: Path,
        name: str,
        metadata: Mapping[str, str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> str:
        version_id = super().upload(video, name, metadata, progress)
        self.uploads.append(version_id)
        return version_id

    def report(self) -> str:
        """What is known of the latest uploads."""
        return "\n\n".join(describe_upload(self, version_id) for version_id in self.uploads[-UPLOADS_IN_REPORT:])
