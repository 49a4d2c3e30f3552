"""Letters are each looked at once, and those that stay can be had by others again."""

import json
import time

import boto3
import pytest

from videobatch import dead_letters, trigger
from videobatch.account import Account
from videobatch.dead_letters import DeadLetterQueue
from videobatch.pipeline import Pipeline
from videobatch.tests.commands import Run
from videobatch.tests.refusing import refusing

LETTERS = 12  # more than SQS hands out at a time


@pytest.fixture
def queue(pipeline: Pipeline) -> str:
    """A queue with letters that nobody can send back; returns its URL."""
    url = pipeline.outputs["DeadLetterQueueUrl"]
    for number in range(LETTERS):
        body = json.dumps({"requestPayload": {"Records": number}})
        boto3.client("sqs").send_message(QueueUrl=url, MessageBody=body)
    return url


def test_a_letter_that_comes_again_is_not_looked_at_again(
    pipeline: Pipeline, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "HIDDEN_SECONDS", 1)
    monkeypatch.setattr(dead_letters, "PATIENCE_SECONDS", 0)
    seen = []
    with DeadLetterQueue(pipeline) as letters:
        for letter in letters.letters():
            seen.append(letter.message_id)
            if len(seen) == LETTERS:
                time.sleep(1.1)  # as long as the function may need for some of them
    assert len(seen) == len(set(seen)) == LETTERS
    assert len(boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]) == 10


def test_what_cannot_go_back_is_told_and_stays(queue: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "PATIENCE_SECONDS", 0)
    told = run("redrive", "--json")
    assert (told.code, len(told.json["letters"])) == (1, LETTERS)
    assert {letter["problem"] for letter in told.json["letters"]} == {"The letter holds no event of S3."}
    assert f"{LETTERS} of {LETTERS} dead letters stay" in told.err
    assert "Messages" in boto3.client("sqs").receive_message(QueueUrl=queue)


def test_a_letter_that_was_not_removed_is_kept_and_told(
    pipeline: Pipeline, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(Account, "pipeline", pipeline)
    monkeypatch.setattr(trigger, "invoke", lambda _pipeline, event: event["Records"])
    sqs, url = pipeline.client("sqs"), pipeline.outputs["DeadLetterQueueUrl"]
    for job in ("a-1", "b-1"):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"requestPayload": {"Records": [job]}}))
    with refusing(sqs, "DeleteMessage"):
        told = run("redrive", "--json")
    assert (told.code, sorted(letter["jobs"] for letter in told.json["letters"])) == (1, [["a-1"], ["b-1"]])
    assert all("was not removed" in letter["problem"] for letter in told.json["letters"])
    again = run("redrive")  # at once: nobody has to wait until they are visible
    assert (again.code, sorted(again.out.split())) == (0, ["a-1", "b-1"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
