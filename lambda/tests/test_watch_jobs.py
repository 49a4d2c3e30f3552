"""The function that looks at running jobs and dead letters, against Step Functions, SQS and SNS over HTTP."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest

LETTER = (Path(__file__).parent / "events" / "dead_letter.json").read_text()
ROLE = "arn:aws:iam::123456789012:role/states"
DEFINITION = '{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}'


class Account:
    """A queue of dead letters, a topic with a reader, and a state machine, all of which the function knows."""

    def __init__(self) -> None:
        self.sqs, self.sns, self.states = boto3.client("sqs"), boto3.client("sns"), boto3.client("stepfunctions")
        self.letters = self.sqs.create_queue(QueueName="letters")["QueueUrl"]
        self.reader = self.sqs.create_queue(QueueName="reader")["QueueUrl"]
        self.topic = self.sns.create_topic(Name="notifications")["TopicArn"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.reader, AttributeNames=["QueueArn"])["Attributes"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=attributes["QueueArn"])
        machine = self.states.create_state_machine(name="watermark-video", definition=DEFINITION, roleArn=ROLE)
        self.machine: str = machine["stateMachineArn"]

    def close(self) -> None:
        self.states.delete_state_machine(stateMachineArn=self.machine)
        self.sns.delete_topic(TopicArn=self.topic)
        for url in (self.letters, self.reader):
            self.sqs.delete_queue(QueueUrl=url)

    def write(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.letters, MessageBody=body)

    def read(self) -> list[dict[str, Any]]:
        received = self.sqs.receive_message(QueueUrl=self.reader, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in received]

    def take_letters(self) -> list[str]:
        """Take all letters that are to be had at this moment out of the queue."""
        taken = []
        while received := self.sqs.receive_message(QueueUrl=self.letters, MaxNumberOfMessages=10).get("Messages"):
            for message in received:
                self.sqs.delete_message(QueueUrl=self.letters, ReceiptHandle=message["ReceiptHandle"])
                taken.append(message["Body"])
        return taken


@pytest.fixture
def account(credentials: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:  # noqa: ARG001
    made = Account()
    for name, value in {
        "STATE_MACHINE_ARN": made.machine,
        "DEAD_LETTER_QUEUE_URL": made.letters,
        "TOPIC_ARN": made.topic,
        "STACK": "mine",
        "BUCKET": "bucket",
        "JOB_PREFIX": "jobs/",
    }.items():
        monkeypatch.setenv(name, value)
    yield made
    made.close()


@pytest.fixture
def function(account: Account, load: Callable[[str], ModuleType]) -> ModuleType:  # noqa: ARG001
    return load("watch_jobs")


def test_a_digest_tells_of_each_letter_and_takes_none(account: Account, function: ModuleType) -> None:
    of_another_kind = '{"hello": "world"}'
    too_old = json.dumps(
        {**json.loads(LETTER), "requestContext": {"condition": "EventAgeExceeded"}, "responsePayload": None}
    )
    account.write(LETTER, of_another_kind, too_old, "no JSON")
    function.handle({"look_at": "dead letters"}, None)
    [digest] = account.read()
    assert digest["Subject"] == "Dead letters: 4"
    assert account.letters in digest["Message"]
    lines = digest["Message"].splitlines()[-4:]
    told = "unprocessed-vdeos/acme/Holiday at the sea.mp4  1 of 1 jobs not started: holiday-at-the-sea-0123456789abcdef"
    assert sum(line.endswith(told) for line in lines) == 1
    assert sum(line.endswith("Holiday at the sea.mp4  EventAgeExceeded") for line in lines) == 1
    assert sum("(a letter of another kind)" in line for line in lines) == 2
    assert sorted(account.take_letters()) == sorted([LETTER, of_another_kind, too_old, "no JSON"])


def test_a_long_queue_is_told_in_part_and_kept_whole(account: Account, function: ModuleType) -> None:
    account.write(*[LETTER] * 113)
    function.handle({"look_at": "dead letters"}, None)
    [digest] = account.read()
    assert digest["Subject"] == "Dead letters: 113"
    assert digest["Message"].splitlines()[-1] == "… and 13 more"
    assert len(account.take_letters()) == 113


def test_an_empty_queue_is_no_news(account: Account, function: ModuleType) -> None:
    function.handle({"look_at": "dead letters"}, None)
    assert account.read() == []


def test_the_oldest_running_job_is_measured(
    account: Account, function: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    function.handle({"look_at": "running jobs"}, None)
    assert json.loads(capsys.readouterr().out)["OldestRunningJob"] == 0
    for name in ("first", "second"):  # this AWS keeps every execution running
        account.states.start_execution(stateMachineArn=account.machine, name=name)
    function.handle({"look_at": "running jobs"}, None)
    assert 0 < json.loads(capsys.readouterr().out)["OldestRunningJob"] < 60
