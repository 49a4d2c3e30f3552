"""CloudWatch's embedded metric format: metrics that a log event says it holds.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

MAX_DIMENSIONS = 30
MAX_METRICS = 100
MAX_VALUES = 100
MAX_NAME = 1024
STORAGE_RESOLUTIONS = (1, 60)
AMOUNTS = (
    "Count", "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits",
    "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes",
)  # fmt: skip
TIMES = ("Seconds", "Milliseconds", "Microseconds")
UNITS = {*AMOUNTS, *(f"{amount}/Second" for amount in AMOUNTS), *TIMES, "Percent", "None"}


class InvalidFormatError(ValueError):
    """A log event that says it holds metrics, but does not as the format wants it. CloudWatch passes over it."""


def claims_metrics(message: str) -> bool:
    """Whether a log event's message looks as if it held metrics."""
    return message.startswith("{") and '"_aws"' in message


def read_metrics(message: str) -> dict[str, list[dict[str, Any]]]:
    """Namespace → entries of PutMetricData's MetricData.

    :raises InvalidFormatError: naming what is wrong
    """
    try:
        root = json.loads(message)
    except ValueError as error:
        raise InvalidFormatError(f"no JSON: {error}") from error
    about = _member(root, "_aws", dict)
    timestamp = _member(about, "Timestamp", int)
    time = datetime.fromtimestamp(timestamp / 1000, UTC)
    found: dict[str, list[dict[str, Any]]] = {}
    for directive in _member(about, "CloudWatchMetrics", list):
        data = found.setdefault(_name(_member(directive, "Namespace", str)), [])
        metrics = _member(directive, "Metrics", list)
        if len(metrics) > MAX_METRICS:
            raise InvalidFormatError(f"more than {MAX_METRICS} metrics in a directive")
        for names in _member(directive, "Dimensions", list):
            dimensions = _dimensions(root, names)
            data += [{**_metric(root, metric), "Dimensions": dimensions, "Timestamp": time} for metric in metrics]
    return found


def _dimensions(root: Mapping[str, Any], names: Any) -> list[dict[str, str]]:
    if not isinstance(names, list) or len(names) > MAX_DIMENSIONS:
        raise InvalidFormatError(f"a dimension set is no list of at most {MAX_DIMENSIONS}: {names!r}")
    return [{"Name": _name(name), "Value": _name(_member(root, name, str))} for name in names]


def _metric(root: Mapping[str, Any], definition: Any) -> dict[str, Any]:
    name = _name(_member(definition, "Name", str))
    metric: dict[str, Any] = {"MetricName": name}
    if "Unit" in definition:
        if definition["Unit"] not in UNITS:
            raise InvalidFormatError(f"{name} has no unit of CloudWatch's: {definition['Unit']!r}")
        metric["Unit"] = definition["Unit"]
    if "StorageResolution" in definition:
        if definition["StorageResolution"] not in STORAGE_RESOLUTIONS:
            raise InvalidFormatError(f"{name} has a storage resolution that there is not")
        metric["StorageResolution"] = definition["StorageResolution"]
    value = root.get(name)
    if _are_numbers([value]):
        return {**metric, "Value": value}
    if isinstance(value, list) and 0 < len(value) <= MAX_VALUES and _are_numbers(value):
        return {**metric, "Values": value}
    raise InvalidFormatError(f"{name} is neither a number nor a list of at most {MAX_VALUES}: {value!r}")


def _are_numbers(values: Iterable[Any]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _member(structure: Any, name: Any, kind: type) -> Any:
    value = structure.get(name) if isinstance(structure, Mapping) and isinstance(name, str) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InvalidFormatError(f"{name!r} is missing or no {kind.__name__}")
    return value


def _name(text: Any) -> str:
    if not isinstance(text, str) or not 0 < len(text) <= MAX_NAME:
        raise InvalidFormatError(f"not a text of 1 to {MAX_NAME} characters: {text!r:.80}")
    return text
