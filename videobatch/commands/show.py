"""videobatch show: all that is known of a job."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from videobatch import records
from videobatch.account import Account
from videobatch.executions import Attempt, attempts, describe_execution, execution_arn, execution_names
from videobatch.output import console, duration, megabytes, pairs, plain_table, print_json, printable, say, state_text
from videobatch.parameters import Job
from videobatch.pipeline import TERMINAL_STATES, JobRecord
from videobatch.task_logs import Line, tail
from worker.record import MULTIPART_UPLOAD


def show(
    context: typer.Context,
    job: Job,
    lines: Annotated[int, typer.Option(min=0, max=1000, help="Lines of the last attempt's log.")] = 10,
) -> None:
    """Show a job: record, attempts, execution, and its log's last lines."""
    account = Account.of(context)
    pipeline = account.pipeline
    record = records.require(pipeline, job)
    executions = []
    for name in execution_names(record):
        described = describe_execution(pipeline, name)
        status = described["status"] if described else "not known"
        executions.append({"name": name, "arn": execution_arn(pipeline, name), "status": status})
    tried = [attempt for execution in executions for attempt in attempts(pipeline, execution["name"])]
    log = tail(pipeline, tried[-1], lines) if tried and lines else []
    group = pipeline.outputs["WorkerLogGroup"]
    if account.json:
        print_json(
            {
                "record": record,
                "executions": executions,
                "attempts": [attempt.as_json() for attempt in tried],
                "log_group": group,
                "log": [line.as_json() for line in log],
            }
        )
        return
    console.print(pairs(_of_record(record)))
    _say_attempts(tried)
    for execution in executions:
        say(f"{execution['status']} {execution['arn']}")
    _say_log(group, tried, log)


def _of_record(record: JobRecord) -> dict[str, str | Text]:
    source, output, error = (record.get(name) or {} for name in ("source", "output", "error"))
    told: dict[str, str | Text] = {"job": record["job_id"], "state": state_text(record["state"])}
    if record["state"] == "RUNNING":
        told["phase"] = f"{record['phase']}, {record['percent']:.0f} %"
    if error:
        told["error"] = Text(printable(f"{error.get('code')}: {error.get('message')}"), style="red")
        told["hint"] = str(error.get("hint", ""))
    told["upload"] = _object(source) + (f"\nversion {source['version_id']}" if source.get("version_id") else "")
    if record["state"] in TERMINAL_STATES and record.get(MULTIPART_UPLOAD):
        told["left over"] = "Parts of a result may lie in the bucket: a retry removes them, or S3 in two days."
    if output:
        told["result"] = f"{_object(output)}, {output.get('duration', 0):.1f} s"
    for name in ("watermark", "profile", "codec"):
        if record.get(name):
            told[name] = str(record[name])
    if render := record.get("render"):
        told["render"] = f"{render.get('mode')}: {render.get('reason')}"
    told |= _of_task(record)
    if notes := record.get("notes"):
        told["notes"] = "\n".join(map(str, notes))
    for name in ("created_at", "updated_at"):
        if record.get(name):
            told[name.removesuffix("_at")] = str(record[name])
    if timings := record.get("timings"):
        told["timings"] = ", ".join(f"{phase.lower()} {seconds:.1f} s" for phase, seconds in timings.items())
    return told


def _of_task(record: JobRecord) -> dict[str, str]:
    told = {}
    if task := record.get("task"):
        told["task"] = f"{task.get('vcpu')} vCPU, {task.get('memory_mb')} MB"
    if memory := record.get("memory"):
        told["memory"] = f"{memory.get('peak_mb')} MB at most, {memory.get('estimated_mb')} MB expected"
    return told


def _object(described: dict[str, Any]) -> str:
    size = described.get("size")
    return str(described.get("key")) + (f", {megabytes(size)}" if isinstance(size, int) else "")


def _say_attempts(tried: list[Attempt]) -> None:
    if not tried:
        return
    table = plain_table("ATTEMPT", "BEGAN", "TOOK", "OUTCOME", "TASK")
    for column in table.columns[3:]:
        column.overflow = "fold"
    for number, attempt in enumerate(tried, start=1):
        took = duration((attempt.ended or datetime.now(UTC)) - attempt.began)
        table.add_row(
            str(number),
            attempt.began.astimezone(UTC).strftime("%H:%M:%S"),
            took,
            printable(attempt.outcome or "runs"),
            printable(attempt.task_arn.rsplit("/", 1)[-1] if attempt.task_arn else "none"),
        )
    console.print()
    console.print(table)
    console.print()


def _say_log(group: str, tried: list[Attempt], log: list[Line]) -> None:
    if tried and tried[-1].log_stream:
        say(f"{group} {tried[-1].log_stream}")
    for line in log:
        say(line.for_people(), "dim")
