"""Whole jobs against a real S3 server: the real engine, the real client."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from worker import job
from worker import settings as names
from worker.errors import (
    ConfigurationInvalid,
    CorruptInput,
    DiskFull,
    InternalError,
    Interrupted,
    SourceGone,
    StorageUnavailable,
    WatermarkError,
    WatermarkNotFound,
)
from worker.publish import publish
from worker.storage import Storage
from worker.tests.media import make_logo
from worker.tests.world import KEY, OUTPUT, RECORD, World


def test_the_record_in_the_readme_has_what_a_record_has(world: World, video: bytes) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    [example] = re.findall(r"^```json\n(\{\"job_id\".+?)^```", readme, re.MULTILINE | re.DOTALL)
    assert world.run(world.upload(video)) == 0
    assert json.loads(example).keys() == world.record.keys()


def test_a_job_from_upload_to_record(world: World, video: bytes, tmp_path: Path) -> None:
    environment = world.upload(video)
    world.put(RECORD, json.dumps({"job_id": "b", "state": "QUEUED", "created_at": "2026-01-01T00:00:00Z"}).encode())
    assert world.run(environment) == 0

    output = world.s3.get_object(Bucket=world.bucket, Key=OUTPUT)
    path = tmp_path / "out.mp4"
    path.write_bytes(output["Body"].read())
    with av.open(str(path)) as movie:
        assert [stream.type for stream in movie.streams] == ["video", "audio"]
    assert output["ContentType"] == "video/mp4"
    assert output["Metadata"] == {
        "job-id": "b-0123456789abcdef",
        "source-version-id": environment[names.SOURCE_VERSION_ID],
        "source-etag": environment[names.SOURCE_ETAG],
        "duration": f"{world.record['output']['duration']:.3f}",
    }

    record = world.record
    assert record["state"] == "SUCCEEDED"
    assert (record["percent"], record["error"], record["attempt"]) == (100, None, 1)
    assert record["created_at"] == "2026-01-01T00:00:00Z"
    assert record["updated_at"].endswith("Z")
    assert record["source"] == {
        "key": KEY,
        "version_id": environment[names.SOURCE_VERSION_ID],
        "etag": environment[names.SOURCE_ETAG],
        "size": len(video),
    }
    assert record["watermark"] == "default.png"
    assert record["profile"] == "balanced"
    assert record["output"]["key"] == OUTPUT
    assert record["codec"] == "h264"
    assert record["output"]["size"] == path.stat().st_size
    assert list(record["timings"]) == ["FETCHING", "PROBING", "ENCODING", "VERIFYING", "PUBLISHING"]
    assert record["notes"] == []
    assert record["render"] == {"mode": "full", "reason": "The watermark is shown throughout.", "frames_encoded": 10}


@pytest.mark.parametrize(
    ("record", "exit_code"),
    [
        ({"state": "SUCCEEDED"}, 0),
        ({"state": "SUPERSEDED"}, 0),
        ({"state": "FAILED", "error": {"code": "CORRUPT_INPUT"}}, CorruptInput.exit_code),
        ({"state": "FAILED", "error": {"code": "DISK_FULL"}}, InternalError.exit_code),  # by the state machine, at last
        ({"state": "FAILED", "error": {"code": "WORKER_CRASHED"}}, InternalError.exit_code),
        ({"state": "FAILED", "error": "anything"}, InternalError.exit_code),
        ({"state": "FAILED"}, InternalError.exit_code),
    ],
)
def test_a_finished_job_is_not_touched(world: World, video: bytes, record: dict[str, Any], exit_code: int) -> None:
    environment = world.upload(video)
    content = json.dumps(record).encode()
    world.put(RECORD, content)
    assert world.run(environment) == exit_code
    assert world.get(RECORD) == content
    assert world.keys("processed-videos/") == []


def test_the_profile_of_the_upload_wins(world: World, video: bytes) -> None:
    assert world.run(world.upload(video, profile="av1")) == 0
    assert world.record["profile"] == "av1"
    assert world.record["codec"] == "av1"


def test_a_profile_that_does_not_exist_fails_for_good(world: World, video: bytes) -> None:
    assert world.run(world.upload(video, profile="slow")) == ConfigurationInvalid.exit_code
    error = world.record["error"]
    assert world.record["state"] == "FAILED"
    assert error["message"] == (
        "The upload's metadata asks for the profile 'slow', but there are fast, balanced, best, av1."
    )
    assert "metadata" in error["hint"]


def test_a_corrupt_file_fails_for_good(world: World) -> None:
    assert world.run(world.upload(b"no video at all")) == CorruptInput.exit_code
    record = world.record
    assert record["state"] == "FAILED"
    assert record["error"]["code"] == "CORRUPT_INPUT"
    assert record["error"]["retryable"] is False
    assert record["error"]["message"].endswith(".")
    assert world.keys("processed-videos/") == []


@pytest.mark.parametrize("step", ["find_published", "run_engine"])
def test_a_newer_upload_supersedes_before_and_after_the_encode(
    world: World, video: bytes, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    environment = world.upload(video)
    real = getattr(job, step)

    def do_and_upload(*arguments: Any, **more: Any) -> Any:
        result = real(*arguments, **more)
        world.upload(video + b"\0" * 8)
        return result

    monkeypatch.setattr(job, step, do_and_upload)
    assert world.run(environment) == 0
    assert world.record["state"] == "SUPERSEDED"
    assert world.keys("processed-videos/") == []


@pytest.mark.parametrize(("key", "error"), [(KEY, SourceGone), ("watermarks/default.png", WatermarkNotFound)])
def test_what_a_job_needs_was_deleted(
    world: World, video: bytes, key: str, error: type[WatermarkError]
) -> None:  # fmt: skip
    environment = world.upload(video)
    world.s3.delete_object(Bucket=world.bucket, Key=key)
    assert world.run(environment) == error.exit_code
    assert (world.record["state"], world.record["error"]["code"]) == ("FAILED", error.code)


def test_a_job_that_fails_names_no_upload_that_is_gone(world: World, video: bytes) -> None:
    environment = world.upload(video)
    left = world.s3.create_multipart_upload(Bucket=world.bucket, Key=OUTPUT)["UploadId"]  # its worker was killed
    record = {"job_id": "b", "state": "RUNNING", "attempt": 1, "multipart_upload": left}
    world.put(RECORD, json.dumps(record).encode())
    world.s3.delete_object(Bucket=world.bucket, Key=KEY)
    assert world.run(environment | {names.ATTEMPT: "2"}) == SourceGone.exit_code
    assert (world.record["state"], world.record["multipart_upload"]) == ("FAILED", None)
    assert "Uploads" not in world.s3.list_multipart_uploads(Bucket=world.bucket)


def test_an_output_of_an_older_job_is_replaced(world: World, video: bytes) -> None:
    world.put(OUTPUT, b"older", Metadata={"job-id": "older"})
    assert world.run(world.upload(video)) == 0
    assert world.get(OUTPUT) != b"older"


def test_what_an_earlier_attempt_published_is_not_made_again(
    world: World, video: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    environment = world.upload(video)
    world.put(OUTPUT, b"published", Metadata={"job-id": "b-0123456789abcdef", "duration": "0.400"})
    monkeypatch.delattr("worker.job.run_engine")
    assert world.run(environment | {names.ATTEMPT: "2"}) == 0
    assert world.record["state"] == "SUCCEEDED"
    assert world.record["output"] == {"key": OUTPUT, "size": 9, "duration": 0.4}


def test_a_bucket_without_versions(s3: Any, world: World, video: bytes) -> None:
    world.bucket += "-plain"
    s3.create_bucket(Bucket=world.bucket)
    world.put("watermarks/default.png", make_logo(world.folder.parent / "default.png").read_bytes())
    environment = world.upload(video)
    assert environment[names.SOURCE_VERSION_ID] == ""
    assert world.run(environment) == 0
    assert world.record["state"] == "SUCCEEDED"
    world.upload(video + b"\0" * 8)
    assert world.run(environment | {names.JOB_ID: "c"}) == 0
    assert json.loads(world.get("jobs/c.json"))["state"] == "SUPERSEDED"


def test_the_watermark_of_the_folder_and_settings_of_the_upload(world: World, video: bytes, tmp_path: Path) -> None:
    world.put("watermarks/logos/a.png", make_logo(tmp_path / "a.png").read_bytes())
    world.put("watermarks/acme.json", b'{"overlays": [{"image": "logos/a.png", "opacity": 1}]}')
    assert world.run(world.upload(video, watermark_position="top-left", watermark_opacity="0.5")) == 0
    assert world.record["watermark"] == "acme.json"


def test_a_transient_error_leaves_the_job_running_and_the_next_attempt_clears_it(
    world: World, video: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = world.upload(video)
    with monkeypatch.context() as patch:
        patch.setattr("worker.job.DISK_AT_LEAST", 1 << 60)
        assert world.run(environment) == DiskFull.exit_code
    record = world.record
    assert (record["state"], record["error"]["code"], record["error"]["retryable"]) == ("RUNNING", "DISK_FULL", True)
    assert "MB" in record["error"]["message"]
    assert world.run(environment | {names.ATTEMPT: "2"}) == 0
    assert (world.record["error"], world.record["attempt"]) == (None, 2)


def test_progress_that_cannot_be_written_does_not_matter(
    world: World, video: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    real = Storage.put_json

    def fail_in_the_middle(self: Storage, key: str, content: bytes, expected_etag: str | None) -> str:
        if json.loads(content)["phase"] == "ENCODING" and json.loads(content)["state"] == "RUNNING":
            raise StorageUnavailable
        return real(self, key, content, expected_etag)

    monkeypatch.setattr(Storage, "put_json", fail_in_the_middle)
    assert world.run(world.upload(video)) == 0
    assert world.record["state"] == "SUCCEEDED"


def test_a_job_that_is_ended_elsewhere_stops_quietly(
    world: World, video: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    environment = world.upload(video)
    real = publish

    def end_and_publish(*arguments: Any) -> Any:
        world.put(RECORD, b'{"state": "FAILED"}')
        return real(*arguments)

    monkeypatch.setattr("worker.job.publish", end_and_publish)
    assert world.run(environment) == InternalError.exit_code
    assert world.record == {"state": "FAILED"}


def test_anything_unforeseen_is_an_error_of_the_record(
    world: World, video: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def fail(*_: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("worker.job.choose_watermark", fail)
    assert world.run(world.upload(video)) == 39
    assert world.record["state"] == "FAILED"
    assert world.record["error"]["code"] == "INTERNAL_ERROR"


@pytest.fixture
def task(world: World, endless_clip: Path) -> Iterator[tuple[World, subprocess.Popen[bytes]]]:
    """`video-worker run` as a process, in the middle of encoding."""
    environment = dict(os.environ) | world.upload(endless_clip.read_bytes()) | {"TMPDIR": str(world.folder)}
    process = subprocess.Popen([sys.executable, "-m", "worker", "run"], env=environment, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while not (world.keys("jobs/") and world.record.get("phase") == "ENCODING"):
        assert time.monotonic() < deadline, "the encode did not begin"
        time.sleep(0.05)
    yield world, process
    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()


def test_sigterm_ends_a_task_with_a_record_that_says_so(task: tuple[World, subprocess.Popen[bytes]]) -> None:
    world, process = task
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=10)
    assert process.returncode == Interrupted.exit_code
    record = world.record
    assert (record["state"], record["error"]["code"], record["error"]["retryable"]) == ("RUNNING", "INTERRUPTED", True)
    assert list(world.folder.iterdir()) == []
    assert world.keys("processed-videos/") == []
    lines = [json.loads(line) for line in stderr.decode().splitlines()]
    assert {line["job_id"] for line in lines} == {"b-0123456789abcdef"}
