"""A way to see what comes of a RunTask that AWS refuses for its own reasons, which an emulator never has.

    POST /_aws/ecs/run-task-refusals   {"reasons": ["throttling", "capacity"]}

answers 204, and so many next calls of RunTask are refused, whoever makes them: for ``throttling`` with the error of a
caller who asks too often, for ``capacity`` with an answer that holds no task and the failure of a Fargate that is full.
GET answers with those that are still to come.
"""

import json
import threading
from typing import Any

from localstack.http import Request, Response, route

from .exceptions import ThrottlingException

PATH = "/_aws/ecs/run-task-refusals"
THROTTLING, CAPACITY = "throttling", "capacity"
NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"


class RunTaskRefusals:
    """The route, and the refusals that are to come."""

    def __init__(self) -> None:
        self._reasons: list[str] = []
        self._lock = threading.Lock()

    @route(PATH, methods=["GET", "POST"])
    def ask(self, request: Request) -> Response:
        """Add refusals, or tell of them: 400 for reasons that there are not."""
        if request.method == "GET":
            with self._lock:
                return Response(json.dumps({"reasons": self._reasons}), mimetype="application/json")
        reasons = _reasons(request)
        if reasons is None:
            message = f'The body is {{"reasons": [...]}}, each "{THROTTLING}" or "{CAPACITY}".'
            return Response(json.dumps({"message": message}), 400, mimetype="application/json")
        with self._lock:
            self._reasons += reasons
        return Response(status=204)

    def next_answer(self) -> dict[str, Any] | None:
        """RunTask's answer if it is to be refused, else None. Raises ``ThrottlingException``."""
        with self._lock:
            if not self._reasons:
                return None
            reason = self._reasons.pop(0)
        if reason == THROTTLING:
            raise ThrottlingException
        return {"tasks": [], "failures": [{"reason": NO_CAPACITY}]}


def _reasons(request: Request) -> list[str] | None:
    try:
        found = json.loads(request.get_data())["reasons"]
    except (ValueError, KeyError, TypeError):
        return None
    is_known = isinstance(found, list) and all(reason in (THROTTLING, CAPACITY) for reason in found)
    return found if is_known else None
