"""The awslogs driver: a container's output, line by line, into CloudWatch Logs."""

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to

from ..launchers.base import ContainerSpec, ResourceInitializationError
from .models import Task
from .multiline import EventJoiner, event_pattern
from .sdk_errors import sdk_message

LOG = logging.getLogger(__name__)

# PutLogEvents takes 10,000 events and 1 MiB at a time, where each event counts its UTF-8 bytes and 26 more.
BATCH_EVENTS = 10_000
BATCH_BYTES = 1_048_576
EVENT_OVERHEAD = 26
EVENT_BYTES = 262_144 - EVENT_OVERHEAD  # a longer line is cut into several events, as Docker's awslogs driver does

STREAMS = ("stdout", "stderr")
FLUSH_SECONDS = 0.5
BUFFER_BYTES = 64 * 1024 * 1024  # what is kept while CloudWatch Logs does not answer; beyond it the oldest lines go
FINAL_FLUSH_SECONDS = 15


class NoLogs:
    """For a container without a log configuration: its output goes nowhere."""

    def write(self, stream: str, data: bytes) -> None:
        """See ``Output``."""

    def close(self) -> None:
        """There is nothing to flush."""


class AwsLogs:
    """One log stream. ``write`` never waits: a thread of its own sends what has come, at least every half second.

    Each line is an event, or with a ``pattern`` each line that matches it and those after it that do not.
    """

    def __init__(self, client: Any, group: str, stream: str, pattern: re.Pattern[bytes] | None = None) -> None:
        self._client = client
        self._target = {"logGroupName": group, "logStreamName": stream}
        self._lines = {name: LineSplitter(keep_empty=pattern is not None) for name in STREAMS}
        self._joiners = {name: EventJoiner(pattern, EVENT_BYTES) for name in STREAMS} if pattern else {}
        self._events: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._dropped = 0
        self._closed = False
        self._changed = threading.Condition()
        self._sender = threading.Thread(target=self._send_until_closed, name=f"awslogs-{stream}", daemon=True)
        self._sender.start()

    def write(self, stream: str, data: bytes) -> None:
        """See ``Output``."""
        self._add(stream, self._lines[stream].feed(data))

    def close(self) -> None:
        """Send what is left, the last line without a newline included; gives up after some seconds."""
        for stream, splitter in self._lines.items():
            self._add(stream, splitter.rest())
        with self._changed:
            for joiner in self._joiners.values():
                self._append(joiner.rest())
            self._closed = True
            self._changed.notify()
        self._sender.join(FINAL_FLUSH_SECONDS)
        lost = len(self._events) + self._dropped
        if lost:
            LOG.error("%d lines could not be written to log stream %s", lost, self._target["logStreamName"])

    def _add(self, stream: str, lines: list[bytes]) -> None:
        if not lines:
            return
        timestamp = time.time_ns() // 1_000_000
        with self._changed:
            if self._joiners:
                self._append(self._joiners[stream].feed(lines, timestamp))
            else:
                self._append([(timestamp, line) for line in lines])

    def _append(self, events: list[tuple[int, bytes]]) -> None:
        self._events.extend(events)
        self._bytes += sum(len(event) for _, event in events)
        while self._bytes > BUFFER_BYTES:
            self._bytes -= len(self._events.popleft()[1])
            self._dropped += 1
        if self._batch_is_full():
            self._changed.notify()

    def _send_until_closed(self) -> None:
        deadline = None
        while True:
            with self._changed:
                if not self._closed and not self._batch_is_full():
                    self._changed.wait(FLUSH_SECONDS)
                if self._closed and deadline is None:
                    deadline = time.monotonic() + FINAL_FLUSH_SECONDS
                for joiner in self._joiners.values():
                    self._append(joiner.overdue())
                batch = self._take_batch()
            if batch and not self._send(batch):
                with self._changed:
                    self._events.extendleft(reversed(batch))
                    self._bytes += sum(len(line) for _, line in batch)
                    if deadline is not None and time.monotonic() > deadline:
                        return
                    self._changed.wait(FLUSH_SECONDS)
            elif not batch and deadline is not None:
                return

    def _batch_is_full(self) -> bool:
        return self._bytes >= BATCH_BYTES or len(self._events) >= BATCH_EVENTS

    def _take_batch(self) -> list[tuple[int, bytes]]:
        batch: list[tuple[int, bytes]] = []
        size = 0
        while self._events and len(batch) < BATCH_EVENTS:
            size += len(self._events[0][1]) + EVENT_OVERHEAD
            if size > BATCH_BYTES:
                break
            batch.append(self._events.popleft())
        self._bytes -= sum(len(line) for _, line in batch)
        return batch

    def _send(self, batch: list[tuple[int, bytes]]) -> bool:
        events = [{"timestamp": time_, "message": line.decode("utf-8", "replace")} for time_, line in batch]
        try:
            self._client.put_log_events(**self._target, logEvents=events)
        except self._client.exceptions.ResourceNotFoundException:
            self._dropped += len(batch)  # somebody deleted the stream: there is no place for these lines any more
        except Exception as error:  # whatever it is, it must not end this thread: the next attempt may work
            LOG.warning("Log stream %s: %s", self._target["logStreamName"], error)
            return False
        return True


class LineSplitter:
    """Cuts bytes into lines. Empty lines are left out: CloudWatch Logs does not take events without text.

    They are kept if they shall become parts of larger events.
    """

    def __init__(self, keep_empty: bool = False) -> None:
        self._keep_empty = keep_empty
        self._partial = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > EVENT_BYTES:
            *pieces, self._partial = _cut(self._partial)
            lines += pieces
        return [piece for line in lines if line or self._keep_empty for piece in _cut(line)]

    def rest(self) -> list[bytes]:
        """The last line, if it did not end in a newline."""
        rest, self._partial = self._partial, b""
        return [rest] if rest else []


def _cut(line: bytes) -> list[bytes]:
    """Cut a line into pieces that CloudWatch Logs takes, never inside a UTF-8 character."""
    pieces = []
    while len(line) > EVENT_BYTES:
        end = EVENT_BYTES
        while line[end] & 0b1100_0000 == 0b1000_0000 and end > EVENT_BYTES - 4:  # a continuation byte
            end -= 1
        pieces.append(line[:end])
        line = line[end:]
    return [*pieces, line]


def open_logs(task: Task, container: ContainerSpec) -> AwsLogs | NoLogs:
    """Create the container's log stream, ``prefix/container-name/task-id``.

    Raises ``ResourceInitializationError`` if that is not possible; a task without a place for its logs does not start.
    """
    configuration = container.definition.get("logConfiguration") or {}
    if configuration.get("logDriver") != "awslogs":
        return NoLogs()
    options: Mapping[str, str] = configuration.get("options") or {}
    group = options.get("awslogs-group", "")
    prefix = options.get("awslogs-stream-prefix")
    stream = f"{prefix}/{container.name}/{task.id}" if prefix else container.runtime_id
    client = connect_to(
        aws_access_key_id=task.account_id, region_name=options.get("awslogs-region") or task.region
    ).logs
    try:
        pattern = event_pattern(options)
    except ValueError as error:
        raise ResourceInitializationError(f"failed to validate logger args: {error} : exit status 1") from error
    try:
        if options.get("awslogs-create-group", "").lower() == "true":
            _create(client.create_log_group, logGroupName=group)
        _create(client.create_log_stream, logGroupName=group, logStreamName=stream)
    except ClientError as error:
        raise ResourceInitializationError(
            "failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log "
            f"stream: {sdk_message(client, error)} : exit status 1"
        ) from error
    return AwsLogs(client, group, stream, pattern)


def _create(operation: Any, **parameters: str) -> None:
    try:
        operation(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
