"""Parameters of the operations on tasks that are there."""

import re
from collections.abc import Mapping
from typing import Any

from ..exceptions import InvalidParameterException
from .capacity import LAUNCH_TYPES
from .values import check_items, check_one_of

ID_LENGTHS = (32, 36)
MAX_DESCRIBED = 100
MAX_RESULTS = 100
MAX_STARTED_BY = 128
MAX_REASON = 1024
DESIRED_STATUSES = ("RUNNING", "PENDING", "STOPPED")
FAMILY = r"^[a-zA-Z0-9\-_]+$"


def check_task_id(id_or_arn: str | None) -> None:
    """Raise ``InvalidParameterException`` for what cannot be the id or ARN of a task."""
    if len((id_or_arn or "").rsplit("/", 1)[-1]) not in ID_LENGTHS:
        raise InvalidParameterException("taskId length should be one of [32,36]")


def check_started_by(started_by: str | None) -> None:
    """Raise ``InvalidParameterException`` for what no task can have been started by."""
    started_by = started_by or ""
    if len(started_by) > MAX_STARTED_BY:
        raise InvalidParameterException(f"startedBy longer than {MAX_STARTED_BY}.")
    if not re.fullmatch(r"[a-zA-Z0-9_/ -]*", started_by):  # no space by the manual; but Step Functions sends some
        raise InvalidParameterException("startedBy contains invalid characters.")


def check_describe_tasks(request: Mapping[str, Any]) -> None:
    """Raise ``InvalidParameterException`` for no tasks, too many, or what is none."""
    tasks = request.get("tasks") or ()
    if not tasks:
        raise InvalidParameterException("Tasks cannot be empty.")
    check_items(tasks, MAX_DESCRIBED, "taskIds", InvalidParameterException)
    for task in tasks:
        check_task_id(task)


def check_stop_task(request: Mapping[str, Any]) -> None:
    """Raise ``InvalidParameterException`` for what is no task, or too long a reason."""
    check_task_id(request.get("task"))
    if len(request.get("reason") or "") > MAX_REASON:
        raise InvalidParameterException(f"reason longer than {MAX_REASON}.")


def check_list_tasks(request: Mapping[str, Any]) -> None:
    """Raise ``InvalidParameterException`` for filters that no task could pass."""
    limit = request.get("maxResults")
    if limit is not None and not 1 <= limit <= MAX_RESULTS:
        raise InvalidParameterException(f"maxResults must be between 1 and {MAX_RESULTS}.")
    check_one_of(request.get("desiredStatus"), DESIRED_STATUSES, "desired status")
    check_one_of(request.get("launchType"), LAUNCH_TYPES, "launch type")
    check_started_by(request.get("startedBy"))
    family = request.get("family")
    if family is not None and not re.fullmatch(FAMILY, family):
        raise InvalidParameterException(f"family must match {FAMILY}")
