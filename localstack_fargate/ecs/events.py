"""Tells EventBridge of every change of a task: "ECS Task State Change" events on the default bus.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
"""

import json
import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localstack.aws.connect import connect_to
from localstack.services.plugins import SERVICE_PLUGINS

from .models import Task, now

LOG = logging.getLogger(__name__)

MAX_ENTRIES = 10  # of one PutEvents
GATHER_SECONDS = 0.2  # changes of a task come in bursts, and those of many tasks as well
MAX_WAITING = 10_000  # of an account in a region
RETRY_SECONDS, MAX_RETRY_SECONDS = 1, 60  # the pause after a failure is doubled with each further one
CLOSE_SECONDS = 2


type PutEvents = Callable[[str, str, list[dict[str, Any]]], list[dict[str, Any]]]


@dataclass
class _Waiting:
    """The events of one account and region that EventBridge has not taken yet, oldest first."""

    entries: deque[dict[str, Any]] = field(default_factory=deque)
    pause: float = RETRY_SECONDS
    not_before: float = 0.0  # on the monotonic clock


class TaskEvents:
    """Sends events from a thread of its own, in the order of the changes.

    EventBridge itself keeps no order: ``detail.version`` says which of a task's events is the newer one. What it does
    not take is sent again; only if that fails for very long the oldest ones are left out. As long as nobody has used
    it, there is no rule that could match, and it is not started for the events' sake. ``put_events`` gets account,
    region and entries, and returns those that were not taken.
    """

    def __init__(self, put_events: PutEvents | None = None) -> None:
        self._put_events = put_events or _put_events
        self._waiting: defaultdict[tuple[str, str], _Waiting] = defaultdict(_Waiting)
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
            self._add(task.account_id, task.region, [entry])
            self._changed.notify()

    def close(self) -> None:
        """Send what is left; gives up after some seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._sender.join(CLOSE_SECONDS)

    def _add(self, account_id: str, region: str, entries: Iterable[dict[str, Any]]) -> None:
        waiting = self._waiting[account_id, region].entries
        waiting.extend(entries)
        surplus = len(waiting) - MAX_WAITING
        for _ in range(surplus):
            waiting.popleft()
        if surplus > 0:
            LOG.error("%d task events of account %s in %s could not be sent and are lost", surplus, account_id, region)

    def _send_until_closed(self) -> None:
        while (ready := self._wait()) is not None:
            for account_id, region in ready:
                self._send_next(account_id, region)

    def _wait(self) -> list[tuple[str, str]] | None:
        """The accounts and regions whose events can be sent, at least one; None when all is done."""
        with self._changed:
            while not (ready := self._ready()):
                if self._closed:
                    return None
                pauses = [waiting.not_before for waiting in self._waiting.values() if waiting.entries]
                self._changed.wait(max(0.0, min(pauses) - time.monotonic()) if pauses else None)
            self._changed.wait_for(lambda: self._closed or self._is_batch_full(ready), GATHER_SECONDS)
            return ready

    def _is_batch_full(self, ready: list[tuple[str, str]]) -> bool:
        return any(len(self._waiting[key].entries) >= MAX_ENTRIES for key in ready)

    def _ready(self) -> list[tuple[str, str]]:
        moment = time.monotonic()
        return [
            key
            for key, waiting in self._waiting.items()
            if waiting.entries and (waiting.not_before <= moment or self._closed)
        ]

    def _send_next(self, account_id: str, region: str) -> None:
        """Send the oldest events of an account in a region. What EventBridge does not take waits for the next time."""
        with self._changed:
            waiting = self._waiting[account_id, region]
            batch = [waiting.entries.popleft() for _ in range(min(len(waiting.entries), MAX_ENTRIES))]
        try:
            refused = self._put_events(account_id, region, batch)
        except Exception as error:  # whatever it is, it must not end this thread: the next attempt may work
            LOG.warning("Task events of account %s in %s cannot be sent: %s", account_id, region, error)
            refused = batch
        with self._changed:
            if not refused:
                waiting.pause = RETRY_SECONDS
            elif not self._closed:
                self._add(account_id, region, refused)  # behind the others, which may be luckier
                waiting.not_before = time.monotonic() + waiting.pause
                waiting.pause = min(2 * waiting.pause, MAX_RETRY_SECONDS)


def _put_events(account_id: str, region: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """PutEvents; returns the entries that it did not take."""
    if not SERVICE_PLUGINS.is_running("events"):
        return []
    client = connect_to(aws_access_key_id=account_id, region_name=region).events
    results = client.put_events(Entries=entries)["Entries"]
    refused = [(entry, result) for entry, result in zip(entries, results, strict=True) if result.get("ErrorCode")]
    for entry, result in refused:
        LOG.warning("EventBridge refused an event of %s: %s", entry["Resources"][0], result.get("ErrorMessage"))
    return [entry for entry, _ in refused]


def task_detail(task: Task, updated_at: datetime) -> dict[str, Any]:
    """A task as the events show it: as DescribeTasks does, but for times, tags and the name for an attachment."""
    detail: dict[str, Any] = {**task.describe(), "updatedAt": updated_at}
    del detail["tags"]
    for attachment in detail["attachments"]:
        attachment["type"] = "eni"
    return {key: _iso(value) if isinstance(value, datetime) else value for key, value in detail.items()}


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
