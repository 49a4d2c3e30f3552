"""The function as Lambda calls it, against S3 and Step Functions over HTTP."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest

EVENTS = Path(__file__).parent / "events"
BUCKET = "video-batch-processing-bucket"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:watermark-video"
ROLE = "arn:aws:iam::123456789012:role/states"
DEFINITION = '{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}'


def event(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((EVENTS / name).read_text())
    return content


@pytest.fixture
def account(aws_endpoint: str, credentials: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:  # noqa: ARG001
    """An account with the bucket, and without the state machine."""
    for name, value in {
        "BUCKET": BUCKET,
        "UPLOAD_PREFIX": "unprocessed-vdeos/",
        "RESULT_PREFIX": "processed-videos/",
        "WATERMARK_PREFIX": "watermarks/",
        "JOB_PREFIX": "jobs/",
        "STATE_MACHINE_ARN": MACHINE,
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    yield aws_endpoint
    bucket = boto3.resource("s3").Bucket(BUCKET)
    bucket.objects.delete()
    bucket.delete()
    boto3.client("stepfunctions").delete_state_machine(stateMachineArn=MACHINE)


@pytest.fixture
def function(account: str, load: Callable[[str], ModuleType]) -> ModuleType:  # noqa: ARG001
    return load("start_watermark_job")


@pytest.fixture
def machine(account: str) -> None:  # noqa: ARG001
    boto3.client("stepfunctions").create_state_machine(name="watermark-video", definition=DEFINITION, roleArn=ROLE)


def executions() -> list[str]:
    found = boto3.client("stepfunctions").list_executions(stateMachineArn=MACHINE)["executions"]
    return sorted(execution["name"] for execution in found)


def record(job: str) -> dict[str, Any]:
    body = boto3.client("s3").get_object(Bucket=BUCKET, Key=f"jobs/{job}.json")["Body"].read()
    content: dict[str, Any] = json.loads(body)
    return content


@pytest.mark.usefixtures("machine")
def test_an_upload_becomes_a_queued_record_and_an_execution(function: ModuleType) -> None:
    [job] = function.handle(event("put.json"), None)["jobs"]
    assert executions() == [job]
    queued = record(job)
    assert (queued["state"], queued["percent"], queued["attempt"]) == ("QUEUED", 0, 0)
    assert queued["source"] == {
        "key": "unprocessed-vdeos/acme/Holiday at the sea.mp4",
        "version_id": "096fKKXTRTtl3on89fVO.nfljtsv6qko",
        "etag": "d41d8cd98f00b204e9800998ecf8427e",
        "size": 1024,
    }


@pytest.mark.usefixtures("machine")
def test_the_same_event_twice_is_one_job_and_never_resets_its_record(function: ModuleType) -> None:
    [job] = function.handle(event("put.json"), None)["jobs"]
    later = {**record(job), "state": "SUCCEEDED"}
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"jobs/{job}.json", Body=json.dumps(later))
    assert function.handle(event("put.json"), None)["jobs"] == [job]
    assert executions() == [job]
    assert record(job)["state"] == "SUCCEEDED"


@pytest.mark.usefixtures("machine")
def test_every_record_of_an_event_counts(function: ModuleType) -> None:
    jobs = function.handle(event("two_records.json"), None)["jobs"]
    assert executions() == sorted(jobs)
    assert len(jobs) == 2


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize("name", ["test_event.json", "delete.json"])
def test_events_that_are_no_uploads_start_nothing(
    function: ModuleType, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert function.handle(event(name), None) == {"jobs": []}
    assert executions() == []
    assert "ignored" in json.loads(capsys.readouterr().out)["message"]


@pytest.mark.usefixtures("machine")
def test_a_malformed_record_does_not_stop_the_good_ones(
    function: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = copy.deepcopy(event("two_records.json"))
    del mixed["Records"][0]["s3"]["object"]["key"]
    assert len(function.handle(mixed, None)["jobs"]) == 1
    assert "dropped a malformed record" in capsys.readouterr().out


def test_a_failure_keeps_the_record_and_asks_for_the_event_again(function: ModuleType) -> None:
    with pytest.raises(function.JobsNotStarted, match="2 of 2 jobs not started"):
        function.handle(event("two_records.json"), None)
    queued = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="jobs/")["Contents"]
    assert len(queued) == 2
    boto3.client("stepfunctions").create_state_machine(name="watermark-video", definition=DEFINITION, roleArn=ROLE)
    assert len(function.handle(event("two_records.json"), None)["jobs"]) == 2
