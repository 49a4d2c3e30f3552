"""ListTasks: filters, and pages that stay in step while tasks come and go."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from .checks.tasks import MAX_RESULTS, check_list_tasks
from .exceptions import InvalidParameterException
from .models import Task


def list_tasks(tasks: Sequence[Task], request: Mapping[str, Any]) -> dict[str, Any]:
    """One page of the tasks (of one cluster, oldest first) that pass the request's filters.

    Raises ``InvalidParameterException`` for parameters that ECS refuses.
    """
    check_list_tasks(request)
    limit = request.get("maxResults") or MAX_RESULTS
    arns = [task.arn for task in _after_token(tasks, request.get("nextToken")) if _passes(task, request)]
    answer: dict[str, Any] = {"taskArns": arns[:limit]}
    if len(arns) > limit:
        answer["nextToken"] = base64.urlsafe_b64encode(arns[limit - 1].encode()).decode()
    return answer


def _passes(task: Task, request: Mapping[str, Any]) -> bool:
    return (
        task.desired_status == (request.get("desiredStatus") or "RUNNING")
        and request.get("family") in (None, task.definition.family)
        and request.get("startedBy") in (None, task.started_by)
        and request.get("launchType") in (None, task.launch_type)
        and request.get("serviceName") is None  # no task of ours belongs to a service
        and request.get("containerInstance") is None  # nor is on an instance
    )


def _after_token(tasks: Sequence[Task], token: str | None) -> Sequence[Task]:
    if not token:
        return tasks
    try:
        last_arn = base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError):
        last_arn = ""
    arns = [task.arn for task in tasks]
    if last_arn not in arns:
        raise InvalidParameterException("Invalid token")
    return tasks[arns.index(last_arn) + 1 :]
