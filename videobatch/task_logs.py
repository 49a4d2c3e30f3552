"""What a job's tasks have written to their logs."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from videobatch import records
from videobatch.executions import Attempt, attempts, execution_names
from videobatch.gaps import SILENT_SECONDS, Reason, why_nobody_works_on
from videobatch.pipeline import TERMINAL_STATES, Pipeline

# After the end of a job, seconds in which its last lines may still arrive: CloudWatch takes that long, at most.
LATE_SECONDS = 6.0
_OWN_FIELDS = ("time", "level", "job_id", "message", "traceback", "detail")


@dataclass(frozen=True)
class Line:
    """One line of a task's log.

    Attributes:
        text: As it was written: the worker writes JSON objects, and whatever crashes it may write anything.
    """

    time: datetime
    task: str
    text: str

    def as_json(self) -> dict[str, Any]:
        return {"time": self.time, "task": self.task, "line": self._fields() or self.text}

    def for_people(self) -> str:
        """Return the line as a person reads it."""
        fields = self._fields()
        clock = self.time.astimezone(UTC).strftime("%H:%M:%S")
        if not fields:
            return f"{clock} {self.text}"
        more = {name: value for name, value in fields.items() if name not in _OWN_FIELDS and value}
        told = [f"{clock} {fields.get('level', ''):<7} {fields['message']}"]
        told += [f"  {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in more.items()]
        told += [str(fields[name]).rstrip() for name in ("detail", "traceback") if fields.get(name)]
        return "\n".join(told)

    def _fields(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self.text)
        except ValueError:
            return None
        return found if isinstance(found, dict) and "message" in found else None


def tail(pipeline: Pipeline, attempt: Attempt, lines: int) -> list[Line]:
    """Return the last lines of an attempt's log."""
    if attempt.log_stream is None:
        return []
    return _read(pipeline, attempt.log_stream, {"limit": lines, "startFromHead": False})[0]


@dataclass
class LogReader:
    """Reads all logs of a job, each line once."""

    pipeline: Pipeline
    job_id: str
    _tokens: dict[str, str] = field(default_factory=dict)

    def new_lines(self) -> Iterator[Line]:
        """Yield what has been written since the last call, task by task."""
        found = records.read(self.pipeline, self.job_id)
        names = execution_names(found[0]) if found else []
        for attempt in [attempt for name in names for attempt in attempts(self.pipeline, name)]:
            if attempt.log_stream is not None:
                yield from self._rest_of(attempt.log_stream)

    def _rest_of(self, stream: str) -> Iterator[Line]:
        while True:
            before = self._tokens.get(stream)
            where = {"startFromHead": True} | ({"nextToken": before} if before else {})
            lines, token = _read(self.pipeline, stream, where)
            yield from lines
            if token is None or token == before:  # which is how CloudWatch says that there is no more
                return
            self._tokens[stream] = token


def follow(
    pipeline: Pipeline,
    job_id: str,
    poll: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Line]:
    """Yield a job's lines as they are written, until some seconds after its end, or as long as somebody works on it."""
    reader, heard, ended = LogReader(pipeline, job_id), clock(), False
    while not ended or clock() - heard < LATE_SECONDS:
        lines = list(reader.new_lines())
        yield from lines
        found = records.read(pipeline, job_id)
        if found is None:
            return
        before, ended = ended, found[0]["state"] in TERMINAL_STATES
        if lines or ended != before:
            heard = clock()
        elif not ended and clock() - heard > SILENT_SECONDS:
            if why_nobody_works_on(pipeline, found[0]) is Reason.STOPPED:
                return
            heard = clock()
        sleep(poll)


def _read(pipeline: Pipeline, stream: str, where: dict[str, Any]) -> tuple[list[Line], str | None]:
    try:
        answer = pipeline.client("logs").get_log_events(
            logGroupName=pipeline.outputs["WorkerLogGroup"], logStreamName=stream, **where
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":  # the task has written nothing yet
            raise
        return [], None
    task = stream.rsplit("/", 1)[-1]
    lines = [
        Line(datetime.fromtimestamp(event["timestamp"] / 1000, UTC), task, event["message"])
        for event in answer["events"]
    ]
    return lines, answer.get("nextForwardToken")
