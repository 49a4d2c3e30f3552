"""Log events that hold metrics."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from localstack_fargate.embedded_metrics.format import InvalidFormatError, claims_metrics, read_metrics
from localstack_fargate.tests.kit import poll, random_name

pytestmark = pytest.mark.launchers("process")  # a log event does not know what ran its task

TIME = datetime(2026, 11, 20, 8, 15, 30, tzinfo=UTC)


def line(*directives: dict[str, Any], **members: Any) -> str:
    about = {"Timestamp": int(TIME.timestamp() * 1000), "CloudWatchMetrics": list(directives)}
    return json.dumps({"_aws": about, **members})


def directive(**changes: Any) -> dict[str, Any]:
    return {
        "Namespace": "Kitchen",
        "Dimensions": [["Room"], ["Room", "Oven"]],
        "Metrics": [{"Name": "Heat", "Unit": "None"}, {"Name": "Cakes", "StorageResolution": 1}],
        **changes,
    }


def test_each_metric_has_each_set_of_dimensions() -> None:
    found = read_metrics(line(directive(), Room="cellar", Oven="left", Heat=180.5, Cakes=[1, 2], Baker="nobody"))
    room, oven = {"Name": "Room", "Value": "cellar"}, {"Name": "Oven", "Value": "left"}
    heat = {"MetricName": "Heat", "Unit": "None", "Value": 180.5, "Timestamp": TIME}
    cakes = {"MetricName": "Cakes", "StorageResolution": 1, "Values": [1, 2], "Timestamp": TIME}
    assert found == {
        "Kitchen": [
            {**heat, "Dimensions": [room]},
            {**cakes, "Dimensions": [room]},
            {**heat, "Dimensions": [room, oven]},
            {**cakes, "Dimensions": [room, oven]},
        ]
    }


@pytest.mark.parametrize(
    "message",
    [
        '{"_aws": ',
        '{"_aws": 1}',
        json.dumps({"_aws": {"CloudWatchMetrics": []}}),
        json.dumps({"_aws": {"Timestamp": 1.5, "CloudWatchMetrics": []}}),
        line(directive(), Room="cellar", Oven="left", Heat="warm", Cakes=1),
        line(directive(), Room="cellar", Oven="left", Heat=True, Cakes=1),
        line(directive(), Room="cellar", Oven="left", Heat=180, Cakes=[]),
        line(directive(), Room="cellar", Oven="left", Heat=180, Cakes=[1] * 101),
        line(directive(), Room="cellar", Oven=2, Heat=180, Cakes=1),
        line(directive(), Room="cellar", Heat=180, Cakes=1),
        line(directive(Namespace=""), Room="cellar", Oven="left", Heat=180, Cakes=1),
        line(directive(Dimensions=["Room"]), Room="cellar", Heat=180, Cakes=1),
        line(directive(Dimensions=[["Room"] * 31]), Room="cellar", Heat=180, Cakes=1),
        line(directive(Metrics=[{"Name": "Heat", "Unit": "Celsius"}]), Room="cellar", Oven="left", Heat=180),
        line(directive(Metrics=[{"Name": "Heat", "StorageResolution": 5}]), Room="cellar", Oven="left", Heat=180),
        line(directive(Metrics=[{"Name": "Heat"}] * 101), Room="cellar", Oven="left", Heat=180),
    ],
    ids=range(16),
)
def test_what_is_not_as_the_format_wants_it_is_refused(message: str) -> None:
    assert claims_metrics(message)
    with pytest.raises(InvalidFormatError):
        read_metrics(message)


def test_log_events_become_metrics(client: Callable[[str], Any]) -> None:
    logs, cloudwatch, group, room = client("logs"), client("cloudwatch"), random_name("group"), random_name("room")
    good = json.loads(line(directive(), Room=room, Oven="left", Heat=180, Cakes=[1, 2]))
    good["_aws"]["Timestamp"] = int(datetime.now(UTC).timestamp() * 1000)
    bad = line(directive(), Room=room, Oven="left", Heat="warm", Cakes=1)
    logs.create_log_group(logGroupName=group)
    try:
        logs.create_log_stream(logGroupName=group, logStreamName="one")
        events = [{"timestamp": good["_aws"]["Timestamp"], "message": each} for each in (bad, json.dumps(good), "text")]
        logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)
        kept = logs.get_log_events(logGroupName=group, logStreamName="one", startFromHead=True)["events"]
        assert [event["message"] for event in kept] == [bad, json.dumps(good), "text"]
    finally:
        logs.delete_log_group(logGroupName=group)

    def of(name: str, statistic: str, dimensions: dict[str, str]) -> Any:
        now = datetime.now(UTC)
        answer = cloudwatch.get_metric_statistics(
            Namespace="Kitchen", MetricName=name, Statistics=[statistic], Period=3600,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=now - timedelta(minutes=30), EndTime=now + timedelta(minutes=30),
        )  # fmt: skip
        return [point[statistic] for point in answer["Datapoints"]]

    poll(lambda: of("Heat", "Maximum", {"Room": room}) == [180], what="the metric")
    assert of("Heat", "SampleCount", {"Room": room, "Oven": "left"}) == [1]
    assert of("Cakes", "Sum", {"Room": room, "Oven": "left"}) == [3]
