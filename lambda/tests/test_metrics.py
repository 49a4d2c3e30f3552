"""What a finished job is measured by, read as CloudWatch reads it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import metrics
from localstack_fargate.embedded_metrics.format import read_metrics

EVENTS = Path(__file__).parent / "events"
ENDED = datetime(2026, 11, 22, 20, 42, 30, tzinfo=UTC)


def record(name: str, **changes: Any) -> dict[str, Any]:
    detail: dict[str, Any] = json.loads((EVENTS / name).read_text())["detail"]
    return {**detail, **changes}


def read(line: str) -> dict[tuple[str, ...], tuple[float, str]]:
    """(metric, dimension value, ...) → value and unit, of a line that holds them in our namespace."""
    [(namespace, data)] = read_metrics(line).items()
    assert namespace == metrics.NAMESPACE
    return {
        (each["MetricName"], *(f"{one['Name']}={one['Value']}" for one in each["Dimensions"])): (
            each["Value"],
            each["Unit"],
        )
        for each in data
    }


def test_a_job_that_succeeded() -> None:
    line = metrics.of_job(record("job_succeeded.json"), "mine")
    assert read(line) == {
        ("JobDuration", "Stack=mine"): (6.5, "Seconds"),
        ("Attempts", "Stack=mine"): (2, "Count"),
        ("Jobs", "Stack=mine", "State=SUCCEEDED"): (1, "Count"),
        ("VideoSecondsPerSecond", "Stack=mine"): (2.0, "None"),
    }
    assert {each["Timestamp"] for each in read_metrics(line)[metrics.NAMESPACE]} == {ENDED}
    assert json.loads(line)["job_id"] == "holiday-1c5c69a8c1f10d2e"
    assert "\n" not in line


def test_a_job_that_failed() -> None:
    assert read(metrics.of_job(record("job_failed.json"), "mine")) == {
        ("JobDuration", "Stack=mine"): (6.5, "Seconds"),
        ("Attempts", "Stack=mine"): (2, "Count"),
        ("Jobs", "Stack=mine", "State=FAILED"): (1, "Count"),
        ("Errors", "Stack=mine"): (1, "Count"),
        ("Errors", "Stack=mine", "Code=CORRUPT_INPUT"): (1, "Count"),
    }


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"state": "SUPERSEDED", "output": None}, id="superseded"),
        pytest.param({"timings": {}}, id="the output was made by an earlier attempt"),
        pytest.param({"timings": {"ENCODING": 0.0}}, id="in no time"),
    ],
)
def test_a_speed_that_nobody_knows_is_left_out(changes: dict[str, Any]) -> None:
    found = read(metrics.of_job(record("job_succeeded.json", **changes), "mine"))
    assert {name for name, *_ in found} == {"JobDuration", "Attempts", "Jobs"}


def test_the_oldest_running_job() -> None:
    line = metrics.of_oldest_running_job(12.3456, "mine", ENDED)
    assert read(line) == {("OldestRunningJob", "Stack=mine"): (12.346, "Seconds")}
