"""The operator's command line on the account: the real commands, and what they have done to real jobs."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from e2e.conftest import WaitForJob
from e2e.inspection import (
    difference,
    executions_of,
    inspect,
    status_at_the_end,
    tasks_of,
    wait_for_phase,
    wait_until,
    without_trigger,
)
from e2e.rights import needed, recorded
from e2e.targets import Target
from scripts.sample_media import make_logo
from uploads import Upload
from videobatch.pipeline import JobRecord, Pipeline
from videobatch.tests.commands import Ended, commands
from videobatch.trigger import event_of

COMMAND = Path(sys.executable).parent / "videobatch"

Videobatch = Callable[..., Ended]


@pytest.fixture
def videobatch(
    pipeline: Pipeline,  # noqa: ARG001 - its account is in the environment
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Videobatch]:
    """Run a command, which has to end with this code, and to need no right that it is not said to need."""
    monkeypatch.chdir(tmp_path)
    with commands(capsys) as run:

        def checked(*arguments: object, code: int = 0) -> Ended:
            with recorded() as used:
                ended = run(*arguments)
            assert ended.code == code, f"{ended.out}\n{ended.err}"
            assert used <= needed([*map(str, arguments)])
            return ended

        yield checked


@pytest.fixture(scope="module")
def failed(pipeline: Pipeline, clip: Path, wait_for_job: WaitForJob) -> JobRecord:
    """A job that has failed for a reason that can be mended."""
    record = wait_for_job(pipeline.upload(clip, "mended.mp4", {"watermark": "later"}))
    assert record["error"]["code"] == "WATERMARK_NOT_FOUND"
    return record


def shown_at_the_end(videobatch: Videobatch, job_id: str) -> dict[str, Any]:
    """What ``show`` says once Step Functions knows of the last task's end too; a job's record has its end before."""

    def ended() -> dict[str, Any] | None:
        shown: dict[str, Any] = videobatch("show", job_id, "--json").json
        return shown if shown["attempts"] and shown["attempts"][-1]["outcome"] else None

    found: dict[str, Any] = wait_until(ended, "the end of the last attempt")
    return found


def test_a_submitted_video_comes_back(videobatch: Videobatch, pipeline: Pipeline, clip: Path, tmp_path: Path) -> None:
    told = videobatch("submit", clip, "--wait", "--position", "top-left", "--json")
    [job] = told.json["jobs"]
    assert (job["state"], job["result"]) == ("SUCCEEDED", "clip.watermarked.mp4")
    before, after = inspect(clip), inspect(tmp_path / job["result"])
    assert after.timestamps == before.timestamps
    assert difference(before.middle, after.middle, (6, 6, 54, 20)) > 20
    assert difference(before.middle, after.middle, (60, 30, 320, 180)) < 3
    assert "SUCCEEDED" in told.err  # the way there, where it is in no machine's way

    shown = shown_at_the_end(videobatch, job["job_id"])
    assert shown["record"]["job_id"] == job["job_id"]
    [attempt] = shown["attempts"]
    [task] = tasks_of(pipeline, job["job_id"])
    assert (attempt["task_arn"], attempt["outcome"]) == (task["taskArn"], "exit code 0")
    assert shown["log"][-1]["line"]["message"] == "the job succeeded"
    assert [execution["name"] for execution in shown["executions"]] == [job["job_id"]]
    for_people = videobatch("show", job["job_id"]).out
    assert task["taskArn"].rsplit("/", 1)[-1] in for_people
    assert "the job succeeded" in for_people

    lines = [json.loads(line) for line in videobatch("logs", job["job_id"], "--json").out.splitlines()]
    assert lines[0]["line"]["message"] == "attempt 1 begins"
    assert lines[-1] == shown["log"][-1]
    videobatch("fetch", job["job_id"], "--output", "again.mp4")
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / job["result"]).read_bytes()
    listed = videobatch("jobs", "--state", "succeeded", "--key", "clip.mp4", "--json").json["jobs"]
    assert job["job_id"] in [record["job_id"] for record in listed]
    refused = videobatch("retry", job["job_id"], code=4)
    assert "only FAILED ones are retried" in refused.err


def test_a_job_without_a_result_is_an_exit_code_and_its_own_error(videobatch: Videobatch, tmp_path: Path) -> None:
    (tmp_path / "list.mp4").write_text("milk, eggs")
    told = videobatch("submit", "list.mp4", "--wait", code=1)
    assert "CORRUPT_INPUT: The file is a text, not a video." in told.err
    assert "1 of 1 job has no result" in told.err
    assert [path.name for path in tmp_path.iterdir()] == ["list.mp4"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_upload_leaves_nothing(number: int, code: int, pipeline: Pipeline, tmp_path: Path) -> None:
    with (tmp_path / "large.mp4").open("wb") as file:
        file.truncate(2_000_000_000)
    command = [str(COMMAND), "submit", "large.mp4"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        parts = partial(pipeline.s3.list_multipart_uploads, Bucket=pipeline.bucket)
        wait_until(lambda: "Uploads" in parts(), "the first parts")
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert err.endswith("videobatch: stopped\n")
    assert "Traceback" not in err
    assert "Uploads" not in parts()


def test_a_failed_job_begins_again(
    videobatch: Videobatch, pipeline: Pipeline, failed: JobRecord, wait_for_job: WaitForJob, tmp_path: Path
) -> None:
    job_id = failed["job_id"]
    assert videobatch("retry", job_id, "--dry-run", "--json").json == {"dry_run": True, "retried": [{"job_id": job_id}]}
    videobatch("retry", job_id)
    assert wait_for_job(failed["source"]["version_id"])["error"] == failed["error"]  # nothing was mended
    make_logo(tmp_path / "logo.png")
    videobatch("watermark", "put", "logo.png", "--name", "later")
    videobatch("retry", job_id)
    last = [json.loads(line) for line in videobatch("watch", job_id, "--json").out.splitlines()][-1]
    assert (last["state"], last["retries"], last["attempt"], last["error"]) == ("SUCCEEDED", 2, 1, None)
    shown = shown_at_the_end(videobatch, job_id)
    assert [execution["name"] for execution in shown["executions"]] == [job_id, f"{job_id}-r1", f"{job_id}-r2"]
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["exit code 14", "exit code 14", "exit code 0"]
    head = pipeline.s3.head_object(Bucket=pipeline.bucket, Key=pipeline.result_key("mended.mp4"))
    assert head["Metadata"]["job-id"] == job_id


def test_lost_events_are_found_and_dead_letters_go_back(
    videobatch: Videobatch, pipeline: Pipeline, clip: Path, wait_for_job: WaitForJob
) -> None:
    with without_trigger(pipeline):
        lost = pipeline.upload(clip, "lost/a + é.mp4")
        dead = pipeline.upload(clip, "lost/dead.mp4")
        sick = videobatch("doctor", code=8)
        assert "✗ trigger" in sick.out
    key = pipeline.upload_key("lost/dead.mp4")
    head = pipeline.s3.head_object(Bucket=pipeline.bucket, Key=key)
    upload = Upload(pipeline.bucket, key, dead, head["ETag"].strip('"'), head["ContentLength"], "00")
    queue, sqs = pipeline.outputs["DeadLetterQueueUrl"], boto3.client("sqs")
    for body in ({"version": "1.0", "requestPayload": event_of([upload])}, {"no": "letter of Lambda"}):
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))

    assert "! dead letters" in videobatch("doctor").out
    assert len(videobatch("redrive", "--dry-run", "--json").json["letters"]) == 2
    assert pipeline.record_of(dead) is None
    letters = videobatch("redrive", "--json", code=1).json["letters"]
    assert sorted("problem" in letter for letter in letters) == [False, True]
    assert wait_for_job(dead)["state"] == "SUCCEEDED"
    [left] = sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=left["ReceiptHandle"])
    assert videobatch("redrive", "--json").json == {"dry_run": False, "letters": []}

    [gap] = videobatch("backfill", "--dry-run", "--json").json["backfilled"]
    assert (gap["key"], gap["reason"]) == (pipeline.upload_key("lost/a + é.mp4"), "it has no job")
    assert pipeline.record_of(lost) is None
    both = [subprocess.Popen([COMMAND, "backfill"], stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [one.wait(timeout=60) for one in both] == [0, 0]
    done = wait_for_job(lost)
    assert (done["state"], done["job_id"]) == ("SUCCEEDED", gap["job_id"])
    assert videobatch("backfill", "--json").json["backfilled"] == []
    assert len(executions_of(pipeline, done["job_id"])) == 1


def test_a_job_that_has_stopped_without_an_end_begins_again(
    videobatch: Videobatch, pipeline: Pipeline, long_clip: Path, wait_for_job: WaitForJob
) -> None:
    version_id = pipeline.upload(long_clip, "stopped.mp4")
    running = wait_for_phase(pipeline, version_id, "ENCODING")
    assert videobatch("backfill", "--json").json["backfilled"] == []  # it goes on
    [execution] = executions_of(pipeline, running["job_id"])
    boto3.client("stepfunctions").stop_execution(executionArn=execution["executionArn"])
    assert status_at_the_end(pipeline, running["job_id"]) == "ABORTED"
    [gap] = videobatch("backfill", "--json").json["backfilled"]
    assert (gap["job_id"], gap["reason"]) == (running["job_id"], "its job has stopped without an end")
    assert videobatch("backfill", "--json").json["backfilled"] == []
    followed = videobatch("logs", running["job_id"], "--follow").out
    assert "the job succeeded" in followed
    done = wait_for_job(version_id)
    assert (done["state"], done["retries"]) == ("SUCCEEDED", 1)


def test_a_cancelled_job_ends_everywhere(
    videobatch: Videobatch, pipeline: Pipeline, target: Target, long_clip: Path
) -> None:
    version_id = pipeline.upload(long_clip, "unwanted.mp4")
    running = wait_for_phase(pipeline, version_id, "ENCODING")
    videobatch("cancel", running["job_id"])
    wait_until(lambda: not target.worker_runs(running["job_id"]), "the worker's end")
    cancelled = pipeline.record_of(version_id)
    assert cancelled is not None
    assert (cancelled["state"], cancelled["error"]["code"]) == ("FAILED", "CANCELLED")
    assert status_at_the_end(pipeline, running["job_id"]) in ("ABORTED", "FAILED")  # the worker may be the faster
    [task] = tasks_of(pipeline, running["job_id"])
    assert task["desiredStatus"] == "STOPPED"
    assert pipeline.record_of(version_id) == cancelled
    assert "unwanted.mp4" not in pipeline.result_names()
    videobatch("cancel", running["job_id"], code=4)


def test_a_pipeline_that_can_work_is_called_healthy(videobatch: Videobatch) -> None:
    findings = videobatch("doctor", "--json").json["findings"]
    assert {finding["part"] for finding in findings if finding["health"] != "good"} == set()
    assert len(findings) > 8
    assert videobatch("--stack", "none", "doctor", code=8).out.splitlines()[-1].strip().startswith("Give its name")


def test_watermarks_are_listed_and_previewed(videobatch: Videobatch, clip: Path, tmp_path: Path) -> None:
    assert "default" in videobatch("watermark", "list").out
    told = videobatch("watermark", "preview", clip, "--json").json
    assert told["marks"] == 1
    assert (tmp_path / told["file"]).stat().st_size > 1000
