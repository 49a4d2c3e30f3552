"""The function that reports finished jobs, against SNS over HTTP."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

EVENTS = Path(__file__).parent / "events"


def event(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((EVENTS / name).read_text())
    return content


@pytest.fixture
def topic(credentials: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:  # noqa: ARG001
    """A topic that the function knows; called, it returns the messages so far."""
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    arn = sns.create_topic(Name="notifications")["TopicArn"]
    url = sqs.create_queue(QueueName="reader")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    for name, value in {"TOPIC_ARN": arn, "BUCKET": "bucket", "JOB_PREFIX": "jobs/", "STACK": "mine"}.items():
        monkeypatch.setenv(name, value)

    def messages() -> list[dict[str, Any]]:
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in received]

    yield messages
    sqs.delete_queue(QueueUrl=url)
    sns.delete_topic(TopicArn=arn)


def test_a_failed_job_is_a_message_and_a_line_of_metrics(
    topic: Callable[[], list[dict[str, Any]]],
    load: Callable[[str], ModuleType],
    capsys: pytest.CaptureFixture[str],
) -> None:
    load("report_job").handle(event("job_failed.json"), None)
    [message] = topic()
    assert message["Subject"] == "Video failed: holiday-1c5c69a8c1f10d2e"
    for told in (
        "unprocessed-vdeos/acme/Holiday at the sea é.mp4",
        'CORRUPT_INPUT: The file is a "text", not a video.',
        "What to do: Use the video itself.",
        "attempt 2",
        "s3://bucket/jobs/holiday-1c5c69a8c1f10d2e.json",
        "arn:aws:states:us-east-1:123456789012:execution:watermark-video:holiday-1c5c69a8c1f10d2e",
    ):
        assert told in message["Message"]
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["Code"] == "CORRUPT_INPUT"


def test_a_job_that_succeeded_is_a_line_of_metrics_only(
    topic: Callable[[], list[dict[str, Any]]],
    load: Callable[[str], ModuleType],
    capsys: pytest.CaptureFixture[str],
) -> None:
    load("report_job").handle(event("job_succeeded.json"), None)
    assert topic() == []
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["State"] == "SUCCEEDED"


@pytest.mark.usefixtures("topic")
def test_nothing_is_counted_while_the_message_is_not_sent(
    load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:gone")
    function = load("report_job")
    with pytest.raises(ClientError):
        function.handle(event("job_failed.json"), None)
    assert capsys.readouterr().out == ""


def test_the_longest_name_of_a_job_is_a_subject_that_sns_takes(
    topic: Callable[[], list[dict[str, Any]]], load: Callable[[str], ModuleType]
) -> None:
    failed = event("job_failed.json")
    failed["detail"]["job_id"] = "x" * 60 + "-" + "0" * 16
    load("report_job").handle(failed, None)
    [message] = topic()
    assert len(message["Subject"]) < 100
