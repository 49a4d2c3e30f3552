"""The way of one video, from outside."""

import json
from pathlib import Path

import boto3
import pytest

from e2e.conftest import WaitForJob
from e2e.inspection import difference, inspect, status_at_the_end, tasks_of
from scripts.sample_media import make_logo
from videobatch.pipeline import JobRecord, Pipeline


@pytest.fixture(scope="module")
def plain_job(pipeline: Pipeline, clip: Path, wait_for_job: WaitForJob) -> JobRecord:
    return wait_for_job(pipeline.upload(clip, "plain.mp4"))


def test_an_upload_comes_back_watermarked(plain_job: JobRecord, pipeline: Pipeline, clip: Path, tmp_path: Path) -> None:
    assert plain_job["state"] == "SUCCEEDED", plain_job
    pipeline.fetch("plain.mp4", tmp_path / "result.mp4")
    before, after = inspect(clip), inspect(tmp_path / "result.mp4")
    assert after.size == before.size
    assert after.timestamps == before.timestamps
    assert after.audio == before.audio
    assert after.codec == "h264"
    # 15 % of the width, 2 % from the corner
    assert difference(before.middle, after.middle, (266, 160, 314, 174)) > 20
    assert difference(before.middle, after.middle, (0, 0, 260, 150)) < 3


def test_the_record_tells_the_whole_story(plain_job: JobRecord, pipeline: Pipeline, clip: Path) -> None:
    assert plain_job["percent"] == 100
    assert plain_job["attempt"] == 1
    assert plain_job["error"] is None
    assert plain_job["source"]["key"] == "unprocessed-vdeos/plain.mp4"
    assert plain_job["source"]["size"] == clip.stat().st_size
    assert plain_job["output"]["key"] == "processed-videos/plain.mp4"
    assert plain_job["output"]["duration"] == pytest.approx(2, abs=0.1)
    assert {"FETCHING", "PROBING", "ENCODING", "VERIFYING", "PUBLISHING"} <= set(plain_job["timings"])
    assert plain_job["created_at"] <= plain_job["updated_at"]
    [task] = tasks_of(pipeline, plain_job["job_id"])
    assert plain_job["task_arn"] == task["taskArn"]
    assert (task["cpu"], task["memory"], task["launchType"]) == ("256", "512", "FARGATE")
    assert status_at_the_end(pipeline, plain_job["job_id"]) == "SUCCEEDED"


def test_the_result_names_its_source(plain_job: JobRecord, pipeline: Pipeline) -> None:
    head = pipeline.s3.head_object(Bucket=pipeline.bucket, Key="processed-videos/plain.mp4")
    assert head["ContentType"] == "video/mp4"
    assert head["Metadata"]["job-id"] == plain_job["job_id"]
    assert head["Metadata"]["source-version-id"] == plain_job["source"]["version_id"]


def test_the_tasks_log_is_in_cloudwatch(plain_job: JobRecord, pipeline: Pipeline) -> None:
    task_id = plain_job["task_arn"].rsplit("/", 1)[-1]
    events = boto3.client("logs").get_log_events(
        logGroupName=pipeline.outputs["WorkerLogGroup"],
        logStreamName=f"worker/batch-processing-container/{task_id}",
        startFromHead=True,
    )["events"]
    lines = [json.loads(event["message"]) for event in events]
    assert lines
    assert {line["job_id"] for line in lines} == {plain_job["job_id"]}


@pytest.mark.parametrize(
    "name",
    [
        "with space.mp4",
        "plus+and%2Bpercent%20.mp4",
        "emoji 🎬 é ü.mp4",
        "folder/deeper/x&y=z.mp4",
        "[amazon]–{3 0}–(a+d).mp4",
        "UPPER.MP4",
    ],
)
def test_any_name_comes_back_under_the_same_name(
    name: str, pipeline: Pipeline, clip: Path, wait_for_job: WaitForJob
) -> None:
    record = wait_for_job(pipeline.upload(clip, name))
    assert record["state"] == "SUCCEEDED", record
    assert record["source"]["key"] == f"unprocessed-vdeos/{name}"
    assert name in pipeline.result_names()


def test_the_folder_and_the_uploads_metadata_choose_the_watermark(
    pipeline: Pipeline, clip: Path, wait_for_job: WaitForJob, tmp_path: Path
) -> None:
    logo = tmp_path / "logo.png"
    make_logo(logo, "ACME")
    pipeline.put_watermark(logo, "acme.png")
    in_folder = wait_for_job(pipeline.upload(clip, "acme/in-folder.mp4"))
    assert "acme.png" in json.dumps(in_folder["watermark"])
    chosen = {"watermark": "acme", "watermark-position": "top-left", "watermark-opacity": "1"}
    by_metadata = wait_for_job(pipeline.upload(clip, "by-metadata.mp4", chosen))
    assert by_metadata["state"] == "SUCCEEDED", by_metadata
    pipeline.fetch("by-metadata.mp4", tmp_path / "result.mp4")
    before, after = inspect(clip).middle, inspect(tmp_path / "result.mp4").middle
    assert difference(before, after, (6, 6, 54, 20)) > 20
    assert difference(before, after, (60, 26, 320, 180)) < 3


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "CORRUPT_INPUT"),
        (b"This is a shopping list and no video.\n" * 40, None),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", None),
        (b"<html><body>404 Not Found</body></html>", None),
    ],
)
def test_what_is_no_video_fails_with_a_clear_error_at_the_first_attempt(
    content: bytes, code: str | None, pipeline: Pipeline, wait_for_job: WaitForJob, tmp_path: Path
) -> None:
    fake = tmp_path / "fake.mp4"
    fake.write_bytes(content)
    name = f"fake-{len(content)}.mp4"
    record = wait_for_job(pipeline.upload(fake, name))
    assert record["state"] == "FAILED"
    assert record["error"]["code"] in ({code} if code else {"CORRUPT_INPUT", "UNSUPPORTED_INPUT"})
    assert record["error"]["message"]
    assert record["error"]["hint"]
    assert record["error"]["retryable"] is False
    assert name not in pipeline.result_names()
    assert len(tasks_of(pipeline, record["job_id"])) == 1
    assert status_at_the_end(pipeline, record["job_id"]) == "FAILED"


def test_half_a_video_is_corrupt_and_not_half_a_result(
    pipeline: Pipeline, clip: Path, wait_for_job: WaitForJob, tmp_path: Path
) -> None:
    half = tmp_path / "half.mp4"
    half.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    record = wait_for_job(pipeline.upload(half, "half.mp4"))
    assert (record["state"], record["error"]["code"]) == ("FAILED", "CORRUPT_INPUT")
    assert "half.mp4" not in pipeline.result_names()
    assert len(tasks_of(pipeline, record["job_id"])) == 1


def test_a_missing_watermark_is_said(pipeline: Pipeline, clip: Path, wait_for_job: WaitForJob) -> None:
    record = wait_for_job(pipeline.upload(clip, "nobody.mp4", {"watermark": "nobody"}))
    assert (record["state"], record["error"]["code"]) == ("FAILED", "WATERMARK_NOT_FOUND")


def test_other_objects_start_nothing(pipeline: Pipeline, clip: Path, wait_for_job: WaitForJob) -> None:
    s3, bucket = pipeline.s3, pipeline.bucket
    before = {record["job_id"] for record in pipeline.records()}
    s3.put_object(Bucket=bucket, Key="unprocessed-vdeos/folder/", Body=b"")
    s3.put_object(Bucket=bucket, Key="unprocessed-vdeos/notes.txt", Body=b"no video")
    s3.put_object(Bucket=bucket, Key="elsewhere/video.mp4", Body=b"not an upload")
    marker = wait_for_job(pipeline.upload(clip, "after-the-others.mp4"))  # events of the others would have come first
    assert {record["job_id"] for record in pipeline.records()} - before == {marker["job_id"]}
