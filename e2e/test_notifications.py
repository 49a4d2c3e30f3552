"""Who hears of what: events, messages, metrics and alarms."""

import json
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest

from e2e.conftest import WaitForJob
from e2e.inbox import Inbox, listening, subscribed
from e2e.inspection import executions_of, status_at_the_end, wait_until
from e2e.targets import Target
from e2e.test_dependability import event_of
from jobs import job_id as job_id_of
from jobs import queued_record
from localstack_fargate.embedded_metrics.format import read_metrics
from uploads import Upload
from videobatch.cancelling import cancel
from videobatch.pipeline import DEFAULT_STACK, JobRecord, Pipeline

FINISHED = {"source": ["video-batch-processing"], "detail-type": ["Video Job Finished"]}
NAMESPACE = "VideoBatchProcessing"


@pytest.fixture(scope="module")
def stack(pipeline: Pipeline) -> str:  # noqa: ARG001 - the account may set the name
    return os.environ.get("STACK_NAME", DEFAULT_STACK)


@pytest.fixture(scope="module")
def events(pipeline: Pipeline) -> Iterator[Inbox]:
    with listening({**FINISHED, "resources": [pipeline.outputs["StateMachineArn"]]}) as inbox:
        yield inbox


@pytest.fixture(scope="module")
def messages(pipeline: Pipeline) -> Iterator[Inbox]:
    with subscribed(pipeline.outputs["NotificationTopicArn"]) as inbox:
        yield inbox


@pytest.fixture(scope="module")
def letter(pipeline: Pipeline) -> Iterator[str]:
    """A dead letter; returns the key of the upload that it is about."""
    key = f"unprocessed-vdeos/told/dead {uuid.uuid4().hex}.mp4"
    dead = json.loads((Path(__file__).parent.parent / "lambda/tests/events/dead_letter.json").read_text())
    dead["requestPayload"]["Records"][0]["s3"]["object"]["key"] = quote_plus(key)
    sqs, url = boto3.client("sqs"), pipeline.outputs["DeadLetterQueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(dead))
    yield key
    mine: list[str] = []
    others: list[str] = []
    while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        for message in received:
            (mine if quote_plus(key) in message["Body"] else others).append(message["ReceiptHandle"])
    for handle in others:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    for handle in mine:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert len(mine) == 1, "the letter is gone"


@pytest.fixture(scope="module")
def jobs(
    pipeline: Pipeline,
    clip: Path,
    wait_for_job: WaitForJob,
    events: Inbox,
    messages: Inbox,
    letter: str,  # noqa: ARG001 - SQS measures its queue once a minute: may it begin
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, JobRecord]:
    """A job of each terminal state, whose event came thrice. All that there is to hear of them has been heard."""
    fake = tmp_path_factory.mktemp("fake") / "fake.mp4"
    fake.write_bytes(b"This is a shopping list and no video.\n" * 40)
    uploads = [
        pipeline.upload(clip, "told/good.mp4"),
        pipeline.upload(fake, "told/fake.mp4"),
        pipeline.upload(clip, "told/replaced.mp4"),
    ]
    pipeline.upload(clip, "told/replaced.mp4")  # supersedes the one before
    for upload in uploads:
        deliver_again(pipeline, wait_until(partial(pipeline.record_of, upload), "the job's record"))
    ended = [wait_for_job(upload) for upload in uploads]
    for record in ended:
        deliver_again(pipeline, record)
        status_at_the_end(pipeline, record["job_id"])
    found = {record["state"]: record for record in ended}
    for record in ended:
        wait_until(partial(events_of, events, record["job_id"]), "the job's event")
    wait_until(lambda: failures_of(messages, found["FAILED"]["job_id"]), "the message")
    for inbox in (events, messages):
        inbox.settle()
    return found


def deliver_again(pipeline: Pipeline, record: JobRecord) -> None:
    event = event_of(record, pipeline.bucket)
    answer = boto3.client("lambda").invoke(FunctionName=pipeline.outputs["FunctionName"], Payload=json.dumps(event))
    assert json.load(answer["Payload"]) == {"jobs": [record["job_id"]]}


def events_of(inbox: Inbox, job_id: str) -> list[dict[str, Any]]:
    return [event for event in inbox.received() if event["detail"]["job_id"] == job_id]


def failures_of(inbox: Inbox, job_id: str) -> list[str]:
    """The messages that say that a job has failed."""
    return [each["Message"] for each in inbox.received() if each.get("Subject") == f"Video failed: {job_id}"]


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "SUPERSEDED"])
def test_each_end_is_one_event_with_the_record(
    jobs: dict[str, JobRecord], pipeline: Pipeline, events: Inbox, state: str
) -> None:
    record = jobs[state]
    [event] = events_of(events, record["job_id"])
    assert event["detail"] == record == pipeline.record_of(record["source"]["version_id"])
    assert (event["source"], event["detail-type"]) == ("video-batch-processing", "Video Job Finished")
    assert pipeline.outputs["StateMachineArn"] in event["resources"]
    assert [arn for arn in event["resources"] if arn.endswith(f":{record['job_id']}")]


def test_an_execution_that_has_told_is_not_told_of_again(
    jobs: dict[str, JobRecord], pipeline: Pipeline, events: Inbox
) -> None:
    job_id = jobs["SUCCEEDED"]["job_id"]
    [execution] = executions_of(pipeline, job_id)
    look_at(pipeline, "a stopped execution", execution=execution["executionArn"])
    events.settle()
    assert len(events_of(events, job_id)) == 1


def test_a_failed_job_is_one_message(jobs: dict[str, JobRecord], messages: Inbox) -> None:
    [text] = failures_of(messages, jobs["FAILED"]["job_id"])
    error = jobs["FAILED"]["error"]
    for told in ("unprocessed-vdeos/told/fake.mp4", error["code"], error["message"], error["hint"]):
        assert told in text
    others = [jobs[state]["job_id"] for state in ("SUCCEEDED", "SUPERSEDED")]
    assert not [message for message in messages.received() for job_id in others if job_id in message["Message"]]


def lines_about(pipeline: Pipeline, job_id: str) -> list[str]:
    """The lines of metrics that a job has left in the log."""
    pages = (
        boto3.client("logs")
        .get_paginator("filter_log_events")
        .paginate(logGroupName=pipeline.outputs["ReportLogGroup"])
    )
    texts = [event["message"].strip() for page in pages for event in page["events"]]
    return [text for text in texts if text.startswith("{") and json.loads(text).get("job_id") == job_id]


@pytest.mark.parametrize("state", ["SUCCEEDED", "FAILED", "SUPERSEDED"])
def test_each_end_is_one_line_of_metrics(
    jobs: dict[str, JobRecord], pipeline: Pipeline, stack: str, state: str
) -> None:
    record = jobs[state]
    [line] = wait_until(lambda: lines_about(pipeline, record["job_id"]), "the line in the log")
    [(namespace, metrics)] = read_metrics(line).items()  # which refuses what the format does not allow
    assert namespace == NAMESPACE
    assert {entry["Value"] for metric in metrics for entry in metric["Dimensions"] if entry["Name"] == "Stack"} == {
        stack
    }
    values = {metric["MetricName"]: metric["Value"] for metric in metrics}
    took = datetime.fromisoformat(record["updated_at"]) - datetime.fromisoformat(record["created_at"])
    assert values["JobDuration"] == pytest.approx(took.total_seconds(), abs=0.001)
    assert values["Attempts"] == record["attempt"]
    assert values["Jobs"] == 1
    assert ("VideoSecondsPerSecond" in values) == (state == "SUCCEEDED")
    assert ("Errors" in values) == (state == "FAILED")


def statistic(name: str, kind: str, **dimensions: str) -> float | None:
    """A metric's statistic over the last hour, or None if there is no such metric."""
    now = datetime.now(UTC)
    points = boto3.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE, MetricName=name, Statistics=[kind], Period=7200,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - timedelta(hours=1), EndTime=now + timedelta(minutes=1),
    )["Datapoints"]  # fmt: skip
    return points[0][kind] if points else None


def test_cloudwatch_has_the_metrics(jobs: dict[str, JobRecord], stack: str) -> None:
    code = jobs["FAILED"]["error"]["code"]
    for name, dimensions in [
        ("JobDuration", {}),
        ("VideoSecondsPerSecond", {}),
        ("Attempts", {}),
        ("Errors", {}),
        ("Errors", {"Code": code}),
        *(("Jobs", {"State": state}) for state in jobs),
    ]:
        found = wait_until(partial(statistic, name, "Maximum", Stack=stack, **dimensions), name, seconds=180)
        assert found > 0


@pytest.fixture(scope="module")
def killed(
    pipeline: Pipeline, target: Target, long_clip: Path, wait_for_job: WaitForJob, events: Inbox, messages: Inbox
) -> JobRecord:
    """A job whose worker was killed in each attempt; the first was looked at while it ran."""
    version_id = pipeline.upload(long_clip, "told/killed.mp4")
    for attempt in (1, 2, 3):
        job_id = wait_until(partial(running, pipeline, version_id, attempt), f"attempt {attempt}")["job_id"]
        if attempt == 1:
            look_at(pipeline, "running jobs")
        wait_until(partial(target.kill_worker, job_id), "the job's worker")
    record = wait_for_job(version_id)
    status_at_the_end(pipeline, record["job_id"])
    wait_until(lambda: failures_of(messages, record["job_id"]), "the message")
    for inbox in (events, messages):
        inbox.settle()
    return record


def running(pipeline: Pipeline, version_id: str, attempt: int = 1) -> JobRecord | None:
    """The record of an upload if that attempt has begun and not ended."""
    record = pipeline.record_of(version_id)
    return record if record and (record["state"], record["attempt"]) == ("RUNNING", attempt) else None


def look_at(pipeline: Pipeline, what: str, **more: str) -> None:
    """Do now what a rule does, at its time or when something happens."""
    answer = boto3.client("lambda").invoke(
        FunctionName=pipeline.outputs["WatchFunctionName"], Payload=json.dumps({"look_at": what, **more})
    )
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_a_job_whose_worker_is_killed_is_told_of_too(killed: JobRecord, events: Inbox, messages: Inbox) -> None:
    [event] = events_of(events, killed["job_id"])
    assert (event["detail"], killed["error"]["code"]) == (killed, "WORKER_CRASHED")
    assert len(failures_of(messages, killed["job_id"])) == 1


def test_a_cancelled_job_is_told_of_though_its_execution_cannot(
    pipeline: Pipeline, long_clip: Path, wait_for_job: WaitForJob, events: Inbox, messages: Inbox
) -> None:
    version_id = pipeline.upload(long_clip, "told/cancelled.mp4")
    job_id = wait_until(lambda: running(pipeline, version_id), "the worker")["job_id"]
    [execution] = executions_of(pipeline, job_id)
    look_at(pipeline, "a stopped execution", execution=execution["executionArn"])  # which has no end to tell of yet
    cancel(pipeline, job_id)
    wait_until(lambda: failures_of(messages, job_id), "the message")
    for inbox in (events, messages):
        inbox.settle()
    [event] = events_of(events, job_id)
    assert event["detail"] == wait_for_job(version_id)
    assert set(event["resources"]) == {pipeline.outputs["StateMachineArn"], execution["executionArn"]}
    assert len(failures_of(messages, job_id)) == 1


def test_a_job_that_is_cancelled_before_it_is_started_is_told_of_too(
    pipeline: Pipeline, events: Inbox, messages: Inbox
) -> None:
    upload = Upload(pipeline.bucket, pipeline.upload_key("told/never.mp4"), uuid.uuid4().hex, "e", 1, "")
    job_id = job_id_of(upload)
    record = json.dumps(queued_record(job_id, upload, datetime.now(UTC)))
    pipeline.s3.put_object(Bucket=pipeline.bucket, Key=f"{pipeline.outputs['JobPrefix']}{job_id}.json", Body=record)
    cancelled = cancel(pipeline, job_id)
    wait_until(lambda: failures_of(messages, job_id), "the message")
    for inbox in (events, messages):
        inbox.settle()
    [event] = events_of(events, job_id)
    assert (event["detail"], cancelled["error"]["code"]) == (cancelled, "CANCELLED")
    assert len(failures_of(messages, job_id)) == 1


def test_dead_letters_are_told_of_and_kept(pipeline: Pipeline, letter: str, messages: Inbox) -> None:
    def digests(known: int) -> list[dict[str, Any]]:
        return [each for each in messages.received() if each.get("Subject", "").startswith("Dead letters: ")][known:]

    for known in (0, 1):  # the second look finds what the first has left
        look_at(pipeline, "dead letters")
        [digest] = wait_until(partial(digests, known), "the digest")
        assert f"{letter}  1 of 1 jobs not started" in digest["Message"]


def rings(metric: dict[str, Any], messages: Inbox, **changes: Any) -> None:
    """Check that the deployed alarm for a metric goes to ALARM and publishes that.

    A copy of it is looked at: CloudWatch evaluates a new alarm at once, or within a minute.
    """
    cloudwatch = boto3.client("cloudwatch")
    [deployed] = cloudwatch.describe_alarms_for_metric(**metric)["MetricAlarms"]
    kept = ("Statistic", "Period", "EvaluationPeriods", "ComparisonOperator", "Threshold", "TreatMissingData")
    settings = {name: deployed[name] for name in (*kept, "AlarmActions")} | changes
    name = f"copy-{uuid.uuid4().hex[:10]}"
    cloudwatch.put_metric_alarm(AlarmName=name, **metric, **settings)
    try:
        [message, *_] = wait_until(
            lambda: [each for each in messages.received() if name in each.get("Subject", "")], "the alarm", seconds=180
        )
        assert json.loads(message["Message"])["NewStateValue"] == "ALARM"
    finally:
        cloudwatch.delete_alarms(AlarmNames=[name])


def is_measured(metric: dict[str, Any]) -> bool:
    """Whether CloudWatch has values of a metric that are not 0, and old enough for an alarm to look at them."""
    now = datetime.now(UTC)
    points = boto3.client("cloudwatch").get_metric_statistics(
        **metric, Statistics=["Maximum"], Period=60, StartTime=now - timedelta(minutes=4),
        EndTime=now - timedelta(seconds=2),
    )["Datapoints"]  # fmt: skip
    return any(point["Maximum"] > 0 for point in points)


@pytest.mark.usefixtures("killed")
def test_a_job_that_runs_for_too_long_rings(stack: str, messages: Inbox) -> None:
    metric = {
        "Namespace": NAMESPACE,
        "MetricName": "OldestRunningJob",
        "Dimensions": [{"Name": "Stack", "Value": stack}],
    }
    wait_until(lambda: is_measured(metric), "the age of the oldest job", seconds=180)
    rings(metric, messages, Threshold=0)


@pytest.mark.usefixtures("letter")
def test_a_dead_letter_rings(pipeline: Pipeline, messages: Inbox) -> None:
    queue = pipeline.outputs["DeadLetterQueueUrl"].rsplit("/", 1)[-1]
    metric = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": queue}],
    }
    wait_until(lambda: is_measured(metric), "what SQS measures once a minute", seconds=400)
    rings(metric, messages)


def test_the_dashboard_names_this_stacks_metrics(pipeline: Pipeline, stack: str) -> None:  # noqa: ARG001
    body = json.loads(boto3.client("cloudwatch").get_dashboard(DashboardName=stack)["DashboardBody"])
    metrics = [metric for widget in body["widgets"] for metric in widget["properties"].get("metrics", [])]
    assert ["VideoBatchProcessing", "Attempts", "Stack", stack] in [metric[:4] for metric in metrics]
    [alarms] = [widget["properties"]["alarms"] for widget in body["widgets"] if widget["type"] == "alarm"]
    known = {alarm["AlarmArn"] for alarm in boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]}
    assert set(alarms) <= known
