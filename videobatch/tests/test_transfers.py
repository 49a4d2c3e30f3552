"""What goes up and comes down: whole, checked before, and nothing left of what was broken off."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pytest
from PIL import Image
from s3transfer.futures import TransferCoordinator  # type: ignore[import-untyped]

from videobatch import records
from videobatch.fetching import default_name, download, result_of
from videobatch.pipeline import PART_BYTES, JobRecord, Pipeline
from videobatch.tests.commands import Run

Put = Callable[..., JobRecord]
Sending = Callable[[signal.Signals, int], None]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of three parts."""
    path = tmp_path / "large.mp4"
    with path.open("wb") as file:
        file.truncate(2 * PART_BYTES + 1)
    return path


@pytest.fixture
def default(pipeline: Pipeline, tmp_path: Path) -> None:
    Image.new("RGBA", (16, 16), "red").save(tmp_path / "default.png")
    pipeline.put_watermark(tmp_path / "default.png", "default.png")


def uploads(pipeline: Pipeline) -> list[str]:
    listed = pipeline.s3.list_objects_v2(Bucket=pipeline.bucket, Prefix="unprocessed-vdeos/")
    return [entry["Key"] for entry in listed.get("Contents", [])]


def test_an_upload_in_parts_names_the_version_that_it_made(pipeline: Pipeline, large: Path) -> None:
    sent: list[int] = []
    version = pipeline.upload(large, "large.mp4", {"watermark": "acme"}, sent.append)
    pipeline.s3.put_object(Bucket=pipeline.bucket, Key="unprocessed-vdeos/large.mp4", Body=b"a later one")
    head: dict[str, Any] = pipeline.s3.head_object(
        Bucket=pipeline.bucket, Key="unprocessed-vdeos/large.mp4", VersionId=version
    )
    assert (head["ContentLength"], head["Metadata"]) == (large.stat().st_size, {"watermark": "acme"})
    assert sum(sent) == large.stat().st_size
    assert len(sent) > 2


@pytest.fixture
def sending(monkeypatch: pytest.MonkeyPatch) -> Sending:
    """Send this process a signal when the first bytes leave, which wait until the transfer has heard of it.

    Python misses one that comes when the main thread is just about to wait for a lock: it is sent again then.
    """
    sent, cancelled, real = Lock(), Event(), TransferCoordinator.cancel

    def cancel(self: Any, *arguments: Any, **more: Any) -> None:
        real(self, *arguments, **more)
        cancelled.set()

    def send(number: signal.Signals, _count: int) -> None:
        for _ in range(12 if sent.acquire(blocking=False) else 0):
            os.kill(os.getpid(), number)
            if cancelled.wait(5):
                break

    monkeypatch.setattr(TransferCoordinator, "cancel", cancel)
    return send


def test_ctrl_c_leaves_no_part_of_an_upload(pipeline: Pipeline, large: Path, sending: Sending) -> None:
    with pytest.raises(KeyboardInterrupt):
        pipeline.upload(large, "large.mp4", {}, partial(sending, signal.SIGINT))
    assert "Uploads" not in pipeline.s3.list_multipart_uploads(Bucket=pipeline.bucket)
    assert uploads(pipeline) == []


@pytest.mark.usefixtures("default")
def test_a_terminal_that_is_closed_leaves_no_part_of_an_upload(
    pipeline: Pipeline, large: Path, run: Run, sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def closing(_what: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield partial(sending, signal.SIGHUP)

    monkeypatch.setattr("videobatch.commands.submit.transfer_bar", closing)
    stopped = run("submit", large, "--json")
    assert (stopped.code, stopped.json) == (129, {"jobs": []})
    assert "Uploads" not in pipeline.s3.list_multipart_uploads(Bucket=pipeline.bucket)
    assert uploads(pipeline) == []


@pytest.mark.usefixtures("default")
@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--position", "middle"], 15, "WATERMARK_INVALID: "),
        (["--opacity", "2"], 15, "WATERMARK_INVALID: "),
        (["--size", "4%"], 15, "has no text to change"),
        (["--watermark", "none"], 14, "WATERMARK_NOT_FOUND: The upload asks for 'none'"),
        (["--watermark", "ümlaut"], 15, "can be plain ASCII only"),
        (["--encoder-profile", "quick"], 2, "--encoder-profile"),
    ],
)
def test_what_the_job_would_refuse_is_said_before_the_upload(
    options: list[str], code: int, sentence: str, pipeline: Pipeline, large: Path, run: Run
) -> None:
    refused = run("submit", large, *options)
    assert (refused.code, refused.out) == (code, "")
    assert sentence in refused.err
    assert uploads(pipeline) == []


def test_a_watermark_whose_image_is_none_is_refused(pipeline: Pipeline, large: Path, run: Run) -> None:
    pipeline.s3.put_object(Bucket=pipeline.bucket, Key="watermarks/default.png", Body=b"no picture")
    refused = run("submit", large)
    assert (refused.code, uploads(pipeline)) == (15, [])
    assert "The watermark image default.png is no PNG" in refused.err


def test_what_the_pipeline_would_not_take_is_refused(pipeline: Pipeline, large: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "film.mov").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "large.mp4").touch()
    for files, sentence in (
        ([tmp_path / "film.mov"], "film.mov does not end in .mp4"),
        ([tmp_path / "none.mp4"], "There is no file"),
        ([tmp_path], "is a folder"),
        ([large, tmp_path / "other" / "large.mp4"], "would both be uploaded as large.mp4"),
    ):
        refused = run("submit", *files)
        assert (refused.code, refused.out) == (7, "")
        assert sentence in refused.err
    assert uploads(pipeline) == []


@pytest.mark.usefixtures("default")
def test_a_result_that_could_not_be_written_is_said_before_the_upload(
    pipeline: Pipeline, large: Path, tmp_path: Path, run: Run
) -> None:
    (tmp_path / "large.watermarked.mp4").touch()
    assert run("submit", large, "--wait", "--output", tmp_path).code == 7
    assert run("submit", large, "--wait", "--output", tmp_path / "none").code == 7
    assert uploads(pipeline) == []


@pytest.mark.usefixtures("default")
def test_the_settings_are_the_uploads_metadata(pipeline: Pipeline, tmp_path: Path, run: Run) -> None:
    (tmp_path / "a.mp4").write_bytes(b"small")
    options = ["--position", "10%,40", "--opacity", "0.5", "--encoder-profile", "fast", "--folder", "acme/x"]
    [job] = run("submit", "--json", tmp_path / "a.mp4", *options).json["jobs"]
    head = pipeline.s3.head_object(Bucket=pipeline.bucket, Key="unprocessed-vdeos/acme/x/a.mp4")
    assert head["Metadata"] == {"watermark-position": "10%,40", "watermark-opacity": "0.5", "profile": "fast"}
    assert (job["key"], job["version_id"]) == ("unprocessed-vdeos/acme/x/a.mp4", head["VersionId"])
    assert job["job_id"] == records.job_of_version(pipeline, job["key"], job["version_id"])


@pytest.mark.usefixtures("default")
def test_a_video_that_cannot_be_brought_back_keeps_no_other_from_it(
    pipeline: Pipeline, put_record: Put, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    videos = [f"{name}.mp4" for name in "abcd"]
    for video in videos:
        Path(video).write_bytes(b"video")
    real = Pipeline.upload

    def upload(self: Pipeline, video: Path, name: str, *more: Any) -> str:
        """Upload as ever, with a worker that is at once done; a failing disk and a stranger who clears up."""
        Path("b.mp4").unlink(missing_ok=True)
        version = real(self, video, name, *more)
        job, result = records.job_of_version(pipeline, pipeline.upload_key(name), version), pipeline.result_key(name)
        put_record(job, "FAILED" if name == "d.mp4" else "SUCCEEDED", key=name, output={"key": result})
        if name != "a.mp4":
            pipeline.s3.put_object(Bucket=pipeline.bucket, Key=result, Body=b"result", Metadata={"job-id": job})
        return version

    monkeypatch.setattr(Pipeline, "upload", upload)
    told = run("submit", "--wait", *videos, "--json")
    assert told.code == 1
    assert "3 of 4 videos were not brought back: b.mp4, a.mp4, d.mp4." in told.err
    assert told.json["problems"] == {
        "b.mp4": "b.mp4: No such file or directory.",
        "a.mp4": "The result processed-videos/a.mp4 was removed.",
    }
    assert [(job["file"], job["state"], job.get("result")) for job in told.json["jobs"]] == [
        ("a.mp4", "SUCCEEDED", None), ("c.mp4", "SUCCEEDED", "c.watermarked.mp4"), ("d.mp4", "FAILED", None)
    ]  # fmt: skip
    assert Path("c.watermarked.mp4").read_bytes() == b"result"

    alone = run("submit", "c.mp4", "a.mp4", "--wait", "--force")
    assert (alone.code, "1 of 2 videos was not brought back: a.mp4." in alone.err) == (1, True)
    assert run("submit", "a.mp4", "--wait").code == 3  # its own, where it is the only one


@pytest.fixture
def done(pipeline: Pipeline, put_record: Put) -> JobRecord:
    """A job with its result."""
    pipeline.s3.put_object(
        Bucket=pipeline.bucket, Key="processed-videos/a.mp4", Body=b"result", Metadata={"job-id": "a-1"}
    )
    return put_record("a-1", output={"key": "processed-videos/a.mp4", "size": 6, "duration": 1.0})


@pytest.mark.usefixtures("done")
def test_a_result_comes_down_whole(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("fetch", "a-1").out == "a.watermarked.mp4\n"
    assert (tmp_path / "a.watermarked.mp4").read_bytes() == b"result"
    assert run("fetch", "a-1").code == 7
    (tmp_path / "a.watermarked.mp4").write_bytes(b"old")
    assert run("fetch", "a-1", "--force", "--json").json == {"job_id": "a-1", "file": "a.watermarked.mp4", "size": 6}
    assert [path.name for path in tmp_path.iterdir()] == ["a.watermarked.mp4"]


@pytest.mark.usefixtures("done")
def test_a_name_may_be_as_long_as_the_file_system_takes(run: Run, tmp_path: Path) -> None:
    target = tmp_path / ("界" * 83 + ".mp4")  # 253 bytes
    assert run("fetch", "a-1", "--output", target).code == 0
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_another_jobs_result_is_not_handed_out(
    done: JobRecord, pipeline: Pipeline, put_record: Put, run: Run, tmp_path: Path
) -> None:
    put_record("a-0", output=done["output"])
    refused = run("fetch", "a-0", "--output", tmp_path / "x.mp4")
    assert refused.code == 4
    assert "is the result of a later upload of the same key: a-1" in refused.err
    pipeline.s3.delete_object(Bucket=pipeline.bucket, Key="processed-videos/a.mp4")
    assert run("fetch", "a-1", "--output", tmp_path / "x.mp4").code == 3
    assert list(tmp_path.iterdir()) == []


def test_a_result_that_is_replaced_in_this_moment_comes_down_all_the_same(
    done: JobRecord, pipeline: Pipeline, tmp_path: Path
) -> None:
    found = result_of(pipeline, done)
    pipeline.s3.put_object(Bucket=pipeline.bucket, Key=found.key, Body=b"another job's", Metadata={"job-id": "a-2"})
    download(pipeline, found, tmp_path / "x.mp4", lambda _count: None)
    assert (tmp_path / "x.mp4").read_bytes() == b"result"


def test_a_result_is_never_called_as_its_source() -> None:
    assert default_name("unprocessed-vdeos/acme/holiday.MP4") == "holiday.watermarked.mp4"
