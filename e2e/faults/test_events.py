"""S3 tells of an upload at least once, in any order, and perhaps not at all."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from e2e.faults.conftest import Operate
from e2e.faults.fault import NewFault
from e2e.faults.nothing_left import Upload
from e2e.inspection import executions_of, tasks_of, without_trigger
from videobatch.pipeline import Pipeline

DELIVERIES = 20
EVENT = Path(__file__).resolve().parent.parent.parent / "lambda" / "tests" / "events" / "put.json"
# The function takes few events at a time; Lambda itself keeps the others of a burst waiting.
PATIENT = Config(retries={"mode": "standard", "max_attempts": 20}, max_pool_connections=DELIVERIES)


Deliver = Callable[[dict[str, Any]], list[str]]


@pytest.fixture
def silence(pipeline: Pipeline) -> Iterator[None]:
    with without_trigger(pipeline):
        yield


def event_of(pipeline: Pipeline, upload: Upload, sequencer: str) -> dict[str, Any]:
    """The event of an upload as S3 words it."""
    [event] = json.loads(EVENT.read_text())["Records"]
    key = pipeline.outputs["UploadPrefix"] + upload.name
    head = pipeline.s3.head_object(Bucket=pipeline.bucket, Key=key, VersionId=upload.version_id)
    event["s3"]["bucket"]["name"] = pipeline.bucket
    event["s3"]["object"] = {
        "key": key,
        "size": head["ContentLength"],
        "eTag": head["ETag"].strip('"'),
        "versionId": upload.version_id,
        "sequencer": sequencer,
    }
    return {"Records": [event]}


@pytest.fixture
def deliver(pipeline: Pipeline) -> Deliver:
    """Hand an event to the function; returns the names of its jobs."""
    functions = boto3.client("lambda", config=PATIENT)

    def invoke(event: dict[str, Any]) -> list[str]:
        answer = functions.invoke(FunctionName=pipeline.outputs["FunctionName"], Payload=json.dumps(event))
        started: list[str] = json.load(answer["Payload"])["jobs"]
        return started

    return invoke


@pytest.mark.usefixtures("silence")
def test_an_event_that_comes_twenty_times_at_once(
    pipeline: Pipeline, deliver: Deliver, new_fault: NewFault, clip: Path
) -> None:
    fault = new_fault("one event, twenty deliveries at once")
    fault.upload(clip, "duplicates.mp4")
    event = event_of(pipeline, fault.uploads[0], "00")
    with ThreadPoolExecutor(DELIVERIES) as at_once:
        answers = list(at_once.map(lambda _: deliver(event), range(DELIVERIES)))
    [record] = fault.settle(injected=DELIVERIES - 1)
    assert answers == [[record["job_id"]]] * DELIVERIES
    assert (record["state"], record["attempt"]) == ("SUCCEEDED", 1)
    assert len(executions_of(pipeline, record["job_id"])) == 1
    assert len(tasks_of(pipeline, record["job_id"])) == 1


@pytest.mark.usefixtures("silence")
def test_events_out_of_order(
    pipeline: Pipeline, deliver: Deliver, new_fault: NewFault, clip: Path, tmp_path: Path
) -> None:
    """Two uploads of each key; the later one's event comes first, with a sequencer that is longer, shorter or the same.

    Sequencers compare as hexadecimal numbers of unequal length, so a comparison of texts would take one for the other.
    """
    fault = new_fault("events out of order, sequencers of unequal lengths")
    older = tmp_path / "older.mp4"
    older.write_bytes(clip.read_bytes())
    events = []
    sequencers = {"longer": ("9F", "0A1B2C"), "shorter": ("0000000FFF", "1000"), "same": ("00", "00")}
    for name, (first, second) in sequencers.items():
        for sequencer, video in ((first, older), (second, clip)):
            fault.upload(video, f"order/{name}.mp4")
            events.append(event_of(pipeline, fault.uploads[-1], sequencer))
    for event in reversed(events):
        deliver(event)
    states = [record["state"] for record in fault.settle(injected=len(sequencers))]
    assert states == ["SUPERSEDED", "SUCCEEDED"] * len(sequencers)


@pytest.mark.usefixtures("silence")
def test_an_upload_that_nobody_is_told_of(
    pipeline: Pipeline, operate: Operate, new_fault: NewFault, clip: Path
) -> None:
    fault = new_fault("an event that never comes, `videobatch backfill`")
    version_id = fault.upload(clip, "untold.mp4")
    assert pipeline.record_of(version_id) is None
    [filled] = [gap for gap in operate("backfill")["backfilled"] if gap["key"].endswith("/untold.mp4")]
    [record] = fault.settle(injected=1)
    assert (record["state"], record["job_id"]) == ("SUCCEEDED", filled["job_id"])
