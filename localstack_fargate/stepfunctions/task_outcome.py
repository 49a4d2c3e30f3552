"""What Step Functions makes of a stopped task."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def has_failed(task: Mapping[str, Any], definition: Mapping[str, Any]) -> bool:
    """Whether a stopped task (as DescribeTasks shows it) fails its state.

    It does if it never started, or if an essential container ended with another exit code than 0 or with none at all.
    A container that is not essential may end as it likes.
    """
    if task.get("stopCode") == "TaskFailedToStart":
        return True
    essential = {c["name"] for c in definition["containerDefinitions"] if c.get("essential", True)}
    return any(c.get("exitCode") != 0 for c in task["containers"] if c["name"] in essential)


def with_epoch_milliseconds(value: Any) -> Any:
    """The same value with every time as Step Functions writes it: in milliseconds since 1970."""
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, dict):
        return {key: with_epoch_milliseconds(member) for key, member in value.items()}
    if isinstance(value, list):
        return [with_epoch_milliseconds(member) for member in value]
    return value
