"""Tells EventBridge of every change of a task: "ECS Task State Change" events on the default bus.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
"""

import json
import logging
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from localstack.aws.connect import connect_to
from localstack.services.plugins import SERVICE_PLUGINS

from .models import Task, now

LOG = logging.getLogger(__name__)

MAX_ENTRIES = 10  # of one PutEvents
GATHER_SECONDS = 0.2  # changes of a task come in bursts, and those of many tasks as well
RETRY_SECONDS = 1
CLOSE_SECONDS = 2


@dataclass(frozen=True)
class _Event:
    account_id: str
    region: str
    entry: dict[str, Any]


class TaskEvents:
    """Sends events from a thread of its own, in the order of the changes; none is left out.

    EventBridge itself keeps no order: ``detail.version`` says which of a task's events is the newer one. As long as
    nobody has used it, there is no rule that could match, and it is not started for the events' sake.
    """

    def __init__(self) -> None:
        self._events: deque[_Event] = deque()
        self._closed = False
        self._changed = threading.Condition()
        self._sender = threading.Thread(target=self._send_until_closed, name="fargate-events", daemon=True)
        self._sender.start()

    def tell(self, task: Task) -> None:
        """Send the task's present state, soon. Does not wait; meant to be called while the task is locked."""
        moment = now()
        entry = {
            "Time": moment,
            "Source": "aws.ecs",
            "DetailType": "ECS Task State Change",
            "Resources": [task.arn],
            "Detail": json.dumps(task_detail(task, moment)),
        }
        with self._changed:
            self._events.append(_Event(task.account_id, task.region, entry))
            self._changed.notify()

    def close(self) -> None:
        """Send what is left; gives up after some seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._sender.join(CLOSE_SECONDS)

    def _send_until_closed(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._events or self._closed)
                if not self._events:
                    return
                self._changed.wait_for(lambda: len(self._events) >= MAX_ENTRIES or self._closed, GATHER_SECONDS)
            self._send_next()

    def _send_next(self) -> None:
        """Send the oldest events, as far as they are of one account and region; on failure they stay."""
        with self._changed:
            batch = list(self._batch())
        try:
            if SERVICE_PLUGINS.is_running("events"):
                clients = connect_to(aws_access_key_id=batch[0].account_id, region_name=batch[0].region)
                clients.events.put_events(Entries=[event.entry for event in batch])
        except Exception as error:  # whatever it is, it must not end this thread: the next attempt may work
            LOG.warning("Task events cannot be sent: %s", error)
            with self._changed:
                if self._closed:
                    self._events.clear()
                self._changed.wait_for(lambda: self._closed, RETRY_SECONDS)
            return
        with self._changed:
            for _ in batch:
                self._events.popleft()

    def _batch(self) -> Iterator[_Event]:
        first = self._events[0]
        for event in islice(self._events, MAX_ENTRIES):
            if (event.account_id, event.region) != (first.account_id, first.region):
                return
            yield event


def task_detail(task: Task, updated_at: datetime) -> dict[str, Any]:
    """A task as the events show it: as DescribeTasks does, but for times, tags and the name for an attachment."""
    detail: dict[str, Any] = {**task.describe(), "updatedAt": updated_at}
    del detail["tags"]
    for attachment in detail["attachments"]:
        attachment["type"] = "eni"
    return {key: _iso(value) if isinstance(value, datetime) else value for key, value in detail.items()}


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
