"""Duplicates, replacements, bursts and workers that die."""

import json
from pathlib import Path
from typing import Any

import boto3

from e2e.conftest import WaitForJob
from e2e.inspection import executions_of, inspect, status_at_the_end, tasks_of, wait_for_phase, wait_until
from e2e.targets import Target
from videobatch.pipeline import JobRecord, Pipeline


def kill_worker(target: Target, job_id: str) -> None:
    wait_until(lambda: target.kill_worker(job_id), "the job's worker")


def event_of(record: JobRecord, bucket: str) -> dict[str, Any]:
    """The event with which S3 told of the upload."""
    [event] = json.loads((Path(__file__).parent.parent / "lambda/tests/events/put.json").read_text())["Records"]
    event["s3"]["bucket"]["name"] = bucket
    source = record["source"]
    event["s3"]["object"] = {
        "key": source["key"],
        "size": source["size"],
        "eTag": source["etag"],
        "versionId": source["version_id"],
        "sequencer": "00",
    }
    return {"Records": [event]}


def test_the_same_event_twice_is_one_task(pipeline: Pipeline, clip: Path, wait_for_job: WaitForJob) -> None:
    version_id = pipeline.upload(clip, "twice.mp4")
    queued = wait_until(lambda: pipeline.record_of(version_id), "the job's record")
    function = boto3.client("lambda")

    def deliver_again() -> None:
        answer = function.invoke(
            FunctionName=pipeline.outputs["FunctionName"], Payload=json.dumps(event_of(queued, pipeline.bucket))
        )
        assert json.load(answer["Payload"]) == {"jobs": [queued["job_id"]]}

    deliver_again()  # while it runs
    done = wait_for_job(version_id)
    deliver_again()  # when it is over
    assert done["state"] == "SUCCEEDED"
    assert pipeline.record_of(version_id) == done
    assert len(executions_of(pipeline, done["job_id"])) == 1
    assert len(tasks_of(pipeline, done["job_id"])) == 1


def test_the_newest_upload_of_a_key_wins(
    pipeline: Pipeline, clip: Path, long_clip: Path, wait_for_job: WaitForJob, tmp_path: Path
) -> None:
    older = pipeline.upload(long_clip, "replaced.mp4")
    wait_for_phase(pipeline, older, "ENCODING")
    newer = pipeline.upload(clip, "replaced.mp4")
    assert older != newer
    assert wait_for_job(newer)["state"] == "SUCCEEDED"
    assert wait_for_job(older)["state"] == "SUPERSEDED"
    pipeline.fetch("replaced.mp4", tmp_path / "result.mp4")
    assert inspect(tmp_path / "result.mp4").size == inspect(clip).size


def test_a_later_upload_replaces_an_earlier_result(pipeline: Pipeline, clip: Path, wait_for_job: WaitForJob) -> None:
    first = wait_for_job(pipeline.upload(clip, "again.mp4"))
    second = wait_for_job(pipeline.upload(clip, "again.mp4"))
    assert first["job_id"] != second["job_id"]
    assert (first["state"], second["state"]) == ("SUCCEEDED", "SUCCEEDED")
    head = pipeline.s3.head_object(Bucket=pipeline.bucket, Key=pipeline.result_key("again.mp4"))
    assert head["Metadata"]["job-id"] == second["job_id"]


def test_a_large_result_replaces_a_small_one_in_parts(
    pipeline: Pipeline, clip: Path, noise: Path, wait_for_job: WaitForJob, tmp_path: Path
) -> None:
    assert wait_for_job(pipeline.upload(clip, "grown.mp4"))["state"] == "SUCCEEDED"
    done = wait_for_job(pipeline.upload(noise, "grown.mp4"))
    assert done["state"] == "SUCCEEDED", done
    head = pipeline.s3.head_object(Bucket=pipeline.bucket, Key=pipeline.result_key("grown.mp4"))
    assert head["ETag"].strip('"').endswith("-2"), "published in one piece: make the clip larger"
    assert head["Metadata"]["job-id"] == done["job_id"]
    pipeline.fetch("grown.mp4", tmp_path / "result.mp4")
    assert inspect(tmp_path / "result.mp4").timestamps == inspect(noise).timestamps
    assert "Uploads" not in pipeline.s3.list_multipart_uploads(Bucket=pipeline.bucket)


def test_twenty_uploads_at_once_are_twenty_results(pipeline: Pipeline, clip: Path, wait_for_job: WaitForJob) -> None:
    names = [f"burst/{number:02}.mp4" for number in range(20)]
    records = [wait_for_job(version_id) for version_id in [pipeline.upload(clip, name) for name in names]]
    assert [record["state"] for record in records] == ["SUCCEEDED"] * 20
    assert len({record["job_id"] for record in records}) == 20
    assert {record["attempt"] for record in records} == {1}
    assert set(names) <= set(pipeline.result_names())


def test_a_worker_killed_in_mid_encode_is_run_again(
    pipeline: Pipeline, target: Target, long_clip: Path, wait_for_job: WaitForJob
) -> None:
    version_id = pipeline.upload(long_clip, "killed.mp4")
    record = wait_for_phase(pipeline, version_id, "ENCODING")
    kill_worker(target, record["job_id"])
    done = wait_for_job(version_id)
    assert (done["state"], done["attempt"], done["error"]) == ("SUCCEEDED", 2, None)
    assert status_at_the_end(pipeline, done["job_id"]) == "SUCCEEDED"
    first, second = tasks_of(pipeline, done["job_id"])
    assert (first["containers"][0]["exitCode"], second["containers"][0]["exitCode"]) == (137, 0)
    assert not target.worker_runs(done["job_id"])


def test_a_worker_that_always_dies_ends_in_a_failed_record(
    pipeline: Pipeline, target: Target, long_clip: Path, wait_for_job: WaitForJob
) -> None:
    version_id = pipeline.upload(long_clip, "doomed.mp4")
    for attempt in (1, 2, 3):
        record = wait_for_phase(pipeline, version_id, "ENCODING", attempt)
        kill_worker(target, record["job_id"])
    done = wait_for_job(version_id)
    assert (done["state"], done["attempt"], done["error"]["code"]) == ("FAILED", 3, "WORKER_CRASHED")
    assert "3 times" in done["error"]["message"]
    assert len(tasks_of(pipeline, done["job_id"])) == 3
    assert "doomed.mp4" not in pipeline.result_names()


def test_a_job_that_takes_too_long_is_stopped_and_failed(
    pipeline: Pipeline, target: Target, long_clip: Path, wait_for_job: WaitForJob
) -> None:
    """The deployed state machine, but with four seconds an attempt."""
    states = boto3.client("stepfunctions")
    deployed = states.describe_state_machine(stateMachineArn=pipeline.outputs["StateMachineArn"])
    definition = json.loads(deployed["definition"])
    del definition["States"]["RunWorker"]["TimeoutSecondsPath"]
    definition["States"]["RunWorker"]["TimeoutSeconds"] = 4
    states.update_state_machine(stateMachineArn=deployed["stateMachineArn"], definition=json.dumps(definition))
    try:
        version_id = pipeline.upload(long_clip, "slow.mp4")
        wait_until(lambda: pipeline.record_of(version_id), "the job's record")
    finally:
        states.update_state_machine(stateMachineArn=deployed["stateMachineArn"], definition=deployed["definition"])
    done = wait_for_job(version_id)
    assert (done["state"], done["error"]["code"]) == ("FAILED", "TIMEOUT")
    wait_until(
        lambda: [task["desiredStatus"] for task in tasks_of(pipeline, done["job_id"])] == ["STOPPED"], "the stop"
    )
    wait_until(lambda: not target.worker_runs(done["job_id"]), "the worker's end")
    assert "slow.mp4" not in pipeline.result_names()
