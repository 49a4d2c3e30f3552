"""A way to see what a Spot interruption does, for AWS gives none to ask for it.

    POST /_aws/ecs/tasks/<task id>/spot-interruption

answers 204 and takes back the capacity of a running FARGATE_SPOT task: its state change event goes out with the stop
code ``SpotInterruption``, its containers get SIGTERM, and SIGKILL after their ``stopTimeout``.
"""

import json
from collections.abc import Callable

from localstack.http import Request, Response, route

from .models import Task, ecs_stores

PATH = "/_aws/ecs/tasks/<task_id>/spot-interruption"


class SpotInterruptions:
    """The route; ``interrupt`` is called with the task."""

    def __init__(self, interrupt: Callable[[Task], None]) -> None:
        self._interrupt = interrupt

    @route(PATH, methods=["POST"])
    def interrupt(self, _request: Request, task_id: str) -> Response:
        """Interrupt a task: 404 if there is none of that id, 409 if it does not run on Spot capacity."""
        task = _find(task_id)
        if task is None:
            return _refusal(404, f"There is no task {task_id}.")
        if not task.is_interruptible or task.desired_status == "STOPPED":
            return _refusal(409, f"Task {task_id} does not run on FARGATE_SPOT capacity.")
        self._interrupt(task)
        return Response(status=204)


def _find(task_id: str) -> Task | None:
    tasks = (task for _, _, store in ecs_stores.iter_stores() for task in store.current_tasks())
    return next((task for task in tasks if task.id == task_id), None)


def _refusal(status: int, message: str) -> Response:
    return Response(json.dumps({"message": message}), status, mimetype="application/json")
