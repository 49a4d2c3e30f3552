"""Metrics as lines of a log: CloudWatch makes metrics of what says so in its embedded metric format.

Format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from datetime import datetime
from typing import Any

NAMESPACE = "VideoBatchProcessing"

# Dimensions: each metric is counted by stack, since several may share an account, and some by one thing more.
STACK, STATE, CODE = "Stack", "State", "Code"

JOBS = "Jobs"
"""Finished jobs, by state."""
JOB_DURATION = "JobDuration"
"""Seconds from the upload's event to the record's end, all waiting included."""
VIDEO_SECONDS_PER_SECOND = "VideoSecondsPerSecond"
"""How much video the last attempt got done in a second of its own; of jobs that have made an output."""
ATTEMPTS = "Attempts"
ERRORS = "Errors"
"""Failed jobs, all together and by error code."""
OLDEST_RUNNING_JOB = "OldestRunningJob"
"""Seconds since the oldest running execution began; 0 if none runs."""


def of_job(record: dict[str, Any], stack: str) -> str:
    """The metrics of a finished job as a line, at the time at which its record was finished."""
    ended = datetime.fromisoformat(record["updated_at"])
    duration = (ended - datetime.fromisoformat(record["created_at"])).total_seconds()
    values: dict[str, float] = {JOBS: 1, JOB_DURATION: round(duration, 3), ATTEMPTS: record["attempt"]}
    names = {STACK: stack, STATE: record["state"]}
    directives = [
        _directive([[STACK]], {JOB_DURATION: "Seconds", ATTEMPTS: "Count"}),
        _directive([[STACK, STATE]], {JOBS: "Count"}),
    ]
    if speed := _video_seconds_per_second(record):
        values[VIDEO_SECONDS_PER_SECOND] = speed
        directives.append(_directive([[STACK]], {VIDEO_SECONDS_PER_SECOND: "None"}))
    if record["state"] == "FAILED":
        values[ERRORS] = 1
        names[CODE] = record["error"]["code"]
        directives.append(_directive([[STACK], [STACK, CODE]], {ERRORS: "Count"}))
    return _line(ended, directives, {**names, **values, "job_id": record["job_id"]})


def of_oldest_running_job(seconds: float, stack: str, now: datetime) -> str:
    """The age of the oldest running job as a line."""
    directives = [_directive([[STACK]], {OLDEST_RUNNING_JOB: "Seconds"})]
    return _line(now, directives, {STACK: stack, OLDEST_RUNNING_JOB: round(seconds, 3)})


def _video_seconds_per_second(record: dict[str, Any]) -> float | None:
    worked = sum((record.get("timings") or {}).values())  # nothing if an earlier attempt has made the output
    output = record.get("output")
    return round(output["duration"] / worked, 3) if output and worked else None


def _directive(dimensions: list[list[str]], units: dict[str, str]) -> dict[str, Any]:
    return {
        "Namespace": NAMESPACE,
        "Dimensions": dimensions,
        "Metrics": [{"Name": name, "Unit": unit} for name, unit in units.items()],
    }


def _line(time: datetime, directives: list[dict[str, Any]], members: dict[str, str | float]) -> str:
    about = {"Timestamp": int(time.timestamp() * 1000), "CloudWatchMetrics": directives}
    return json.dumps({"_aws": about, **members}, ensure_ascii=False)
