"""The executions of a job and the tasks that they have run, read from Step Functions' own history."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from videobatch.pipeline import JobRecord, Pipeline

MAX_NAME_LENGTH = 80  # StartExecution's reference
RETRIES = "retries"
"""The field of a job record that counts how often an operator has started the job again."""

# Of these events of a state that runs a task, the first three say that it goes on, the others that it is over.
_SUBMITTED, _SCHEDULED, _STARTED = "TaskSubmitted", "TaskScheduled", "TaskStarted"
_ENDS = ("TaskSucceeded", "TaskFailed", "TaskTimedOut", "TaskSubmitFailed", "TaskStartFailed")
_STREAM_PREFIX = "worker"  # awslogs-stream-prefix of the template


@dataclass(frozen=True)
class Attempt:
    """One task, or what became of the wish for one.

    Attributes:
        execution: The name of its execution.
        task_arn: None if there is no task.
        log_stream: Its log, in the group of the worker's; None without a task.
        began, ended: By the state machine's clock.
        outcome: In a few words; None while it goes on.
    """

    execution: str
    began: datetime
    task_arn: str | None = None
    log_stream: str | None = None
    ended: datetime | None = None
    outcome: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def execution_name(job_id: str, retries: int) -> str:
    """Return the name of a job's execution: its id, and for those that an operator has started a number.

    A name can be used once in 90 days. Where both are too long, the beginning of the id, a readable slug, is left out.
    """
    suffix = f"-r{retries}" if retries else ""
    return job_id[-(MAX_NAME_LENGTH - len(suffix)) :] + suffix


def execution_arn(pipeline: Pipeline, name: str) -> str:
    """Return the ARN of an execution of the pipeline's state machine."""
    return pipeline.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":{name}"


def execution_names(record: JobRecord) -> list[str]:
    """Return the names of all executions of a job, oldest first."""
    return [execution_name(record["job_id"], number) for number in range(record.get(RETRIES, 0) + 1)]


def describe_execution(pipeline: Pipeline, name: str) -> Mapping[str, Any] | None:
    """Return what Step Functions knows of an execution, or None: it never was, or ended more than 90 days ago."""
    try:
        found: Mapping[str, Any] = pipeline.client("stepfunctions").describe_execution(
            executionArn=execution_arn(pipeline, name)
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
            return None
        raise
    return found


def attempts(pipeline: Pipeline, name: str) -> list[Attempt]:
    """Return the attempts of an execution, oldest first; none if it is not known."""
    pages = pipeline.client("stepfunctions").get_paginator("get_execution_history")
    try:
        events = [
            event for page in pages.paginate(executionArn=execution_arn(pipeline, name)) for event in page["events"]
        ]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
            return []
        raise
    return list(read_attempts(name, events))


def read_attempts(name: str, events: Sequence[Mapping[str, Any]]) -> Iterator[Attempt]:
    """Yield the attempts that the history of an execution tells of."""
    current: Attempt | None = None
    for event in events:
        kind, moment = event["type"], event["timestamp"]
        details = event.get(f"{kind[:1].lower()}{kind[1:]}EventDetails", {})
        if kind in ("ExecutionAborted", "ExecutionTimedOut") and current:
            yield replace(current, ended=moment, outcome="stopped with the execution")
            return
        if details.get("resourceType") != "ecs":
            continue
        if kind == _SCHEDULED:
            current = Attempt(name, moment)
        elif kind == _SUBMITTED and current:
            current = _with_task(current, details.get("output", ""))
        elif kind in _ENDS and current:
            yield replace(current, ended=moment, outcome=_outcome(kind, details))
            current = None
    if current:
        yield current


def _with_task(attempt: Attempt, output: str) -> Attempt:
    task = _first(_parsed(output).get("Tasks"))
    arn, container = task.get("TaskArn"), _first(task.get("Containers")).get("Name")
    if not arn or not container:
        return attempt
    return replace(attempt, task_arn=arn, log_stream=f"{_STREAM_PREFIX}/{container}/{arn.rsplit('/', 1)[-1]}")


def _outcome(kind: str, details: Mapping[str, Any]) -> str:
    if kind == "TaskSucceeded":
        return "exit code 0"
    if kind == "TaskTimedOut":
        return "took too long and was stopped"
    task = _parsed(details.get("cause", ""))
    container = _first(task.get("Containers"))
    if "ExitCode" in container:
        reason = container.get("Reason")
        return f"exit code {container['ExitCode']}" + (f": {reason}" if reason else "")
    return str(task.get("StoppedReason") or f"{details.get('error')}: {details.get('cause')}")


def _first(values: Any) -> dict[str, Any]:
    found = values[0] if isinstance(values, list) and values else None
    return found if isinstance(found, dict) else {}


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
