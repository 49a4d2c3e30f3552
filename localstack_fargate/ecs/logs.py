"""The awslogs driver: a container's output, line by line, into CloudWatch Logs."""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to

from ..configuration import read_configuration
from ..launchers.base import ContainerSpec, ResourceInitializationError
from .execution_role import ExecutionRole
from .models import Task
from .multiline import Event, EventJoiner, Pattern, event_pattern
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

    Each line is an event, or with a ``pattern`` each line that matches it and those after it that do not. That thread
    does the matching, too.
    """

    def __init__(self, client: Any, group: str, stream: str, pattern: Pattern | None = None) -> None:
        self._client = client
        self._target = {"logGroupName": group, "logStreamName": stream}
        self._splitters = {name: LineSplitter(keep_empty=pattern is not None) for name in STREAMS}
        self._joiners = {name: EventJoiner(pattern, EVENT_BYTES) for name in STREAMS} if pattern else {}
        self._lines: deque[_Line] = deque()
        self._bytes = 0
        self._lost = 0
        self._deadline: float | None = None  # there is one when it was closed
        self._changed = threading.Condition()
        self._sender = threading.Thread(target=self._send_until_closed, name=f"awslogs-{stream}", daemon=True)
        self._sender.start()

    def write(self, stream: str, data: bytes) -> None:
        """See ``Output``."""
        self._add(stream, self._splitters[stream].feed(data))

    def close(self) -> None:
        """Send what is left, the last line without a newline included; gives up after some seconds."""
        for stream, splitter in self._splitters.items():
            self._add(stream, splitter.rest())
        with self._changed:
            self._deadline = time.monotonic() + FINAL_FLUSH_SECONDS
            self._changed.notify()
        self._sender.join(FINAL_FLUSH_SECONDS)
        lost = len(self._lines) + self._lost
        if lost:
            LOG.error("%d lines could not be written to log stream %s", lost, self._target["logStreamName"])

    def _add(self, stream: str, lines: list[bytes]) -> None:
        if not lines:
            return
        timestamp = time.time_ns() // 1_000_000
        with self._changed:
            self._lines.extend(_Line(stream, timestamp, line) for line in lines)
            self._bytes += sum(len(line) for line in lines)
            while self._bytes > BUFFER_BYTES:
                self._bytes -= len(self._lines.popleft().text)
                self._lost += 1
            if self._is_full():
                self._changed.notify()

    def _is_full(self) -> bool:
        return self._bytes >= BATCH_BYTES or len(self._lines) >= BATCH_EVENTS

    def _send_until_closed(self) -> None:
        is_last = False
        while not is_last:
            lines, is_last = self._take_lines()
            events = self._events(lines, is_last)
            sent = 0
            for batch in _batches(events):
                if not self._send_in_time(batch):
                    self._lost += len(events) - sent
                    return
                sent += len(batch)

    def _take_lines(self) -> tuple[list["_Line"], bool]:
        """The next lines, after some time or when they fill a batch, and whether they are the last ones."""
        with self._changed:
            if self._deadline is None and not self._is_full():
                self._changed.wait(FLUSH_SECONDS)
            lines: list[_Line] = []
            size = 0
            while self._lines and len(lines) < BATCH_EVENTS and size < BATCH_BYTES:
                lines.append(self._lines.popleft())
                size += len(lines[-1].text)
            self._bytes -= size
            return lines, self._deadline is not None and not self._lines

    def _send_in_time(self, batch: list[Event]) -> bool:
        """Send it, however often that has to be tried, unless the log was closed some seconds ago."""
        while not self._send(batch):
            with self._changed:
                if self._deadline is not None and time.monotonic() > self._deadline:
                    return False
                self._changed.wait(FLUSH_SECONDS)
        return True

    def _events(self, lines: list["_Line"], are_last: bool) -> list[Event]:
        """The events that these lines complete, oldest first, as CloudWatch Logs wants those of a request."""
        if not self._joiners:
            events = [(line.timestamp, line.text) for line in lines]
        else:
            events = [e for line in lines for e in self._joiners[line.stream].feed([line.text], line.timestamp)]
            events += [e for joiner in self._joiners.values() for e in (joiner.rest if are_last else joiner.overdue)()]
        return sorted(events, key=itemgetter(0))

    def _send(self, batch: list[Event]) -> bool:
        events = [{"timestamp": time_, "message": text.decode("utf-8", "replace")} for time_, text in batch]
        try:
            self._client.put_log_events(**self._target, logEvents=events)
        except self._client.exceptions.ResourceNotFoundException:
            self._lost += len(batch)  # somebody deleted the stream: there is no place for these lines any more
        except Exception as error:  # whatever it is, it must not end this thread: the next attempt may work
            LOG.warning("Log stream %s: %s", self._target["logStreamName"], error)
            return False
        return True


class _Line(NamedTuple):
    stream: str
    timestamp: int
    text: bytes


def _batches(events: list[Event]) -> Iterator[list[Event]]:
    """The events in pieces that PutLogEvents takes."""
    batch: list[Event] = []
    size = 0
    for event in events:
        bytes_ = len(event[1]) + EVENT_OVERHEAD
        if batch and (len(batch) == BATCH_EVENTS or size + bytes_ > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += bytes_
    if batch:
        yield batch


class LineSplitter:
    """Cuts bytes into lines. Empty lines are left out: CloudWatch Logs does not take events without text.

    They are kept if they shall become parts of larger events.
    """

    def __init__(self, keep_empty: bool = False) -> None:
        self._keep_empty = keep_empty
        self._partial = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes."""
        end, *others = data.split(b"\n")  # only what is new is searched: a line may come in any number of pieces
        self._partial += end
        lines = []
        if others:
            *whole, beginning = others
            lines = [bytes(self._partial), *whole]
            self._partial = bytearray(beginning)
        if len(self._partial) > EVENT_BYTES:
            *pieces, rest = _cut(bytes(self._partial))
            lines += pieces
            self._partial = bytearray(rest)
        return [piece for line in lines if line or self._keep_empty for piece in _cut(line)]

    def rest(self) -> list[bytes]:
        """The last line, if it did not end in a newline."""
        rest, self._partial = bytes(self._partial), bytearray()
        return [rest] if rest else []


def _cut(line: bytes) -> list[bytes]:
    """Cut a line into pieces that CloudWatch Logs takes, never inside a UTF-8 character."""
    pieces = []
    start = 0
    while len(line) - start > EVENT_BYTES:
        end = start + EVENT_BYTES
        while line[end] & 0b1100_0000 == 0b1000_0000 and end > start + EVENT_BYTES - 4:  # a continuation byte
            end -= 1
        pieces.append(line[start:end])
        start = end
    return [*pieces, line[start:]]


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
    client = _client(task, options.get("awslogs-region") or task.region)
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


def _client(task: Task, region: str) -> Any:
    """A client that acts as the execution role, if roles' policies count; the account's own takes less to make."""
    if read_configuration().enforce_iam and task.execution_role_arn:
        return ExecutionRole(task).client("logs", region)
    return connect_to(aws_access_key_id=task.account_id, region_name=region).logs


def _create(operation: Any, **parameters: str) -> None:
    try:
        operation(**parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
