"""An engine that hangs, that ends well with half a video, that is frozen, or that runs out of disk or memory."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.faults.fault import NewFault
from e2e.faults.task_definition import revised
from e2e.inspection import tasks_of, wait_until
from e2e.targets import Containers, Target
from videobatch.pipeline import Pipeline

# In the worker's place: the worker with another engine in its first attempt, and with little patience. The engine
# that hangs has a child, which must end with it; the half one works as ever, but sees no frame after the first second.
HANGING = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(3600)'])"
HALF = """
import os
from worker.engine import __main__ as engine, read
items = read.Reader.items
def half(reader):
    for number, item in enumerate(items(reader)):
        if number < 40:
            yield item
read.Reader.items = half
os._exit(engine.main())
"""
WORKER = """
import functools, os, sys
from worker import cli, job
engines = {"hanging": HANGING, "half": HALF}
kind = os.environ["SOURCE_KEY"].rsplit("/", 1)[-1].removesuffix(".mp4")
if kind == "half" or os.environ["ATTEMPT"] == "1":
    command = (sys.executable, "-I", "-X", "utf8", "-c", engines[kind])
    job.run_engine = functools.partial(job.run_engine, silence_seconds=5.0, command=command)
sys.exit(cli.main())
"""
PROGRAM = f"HANGING = {HANGING!r}\nHALF = {HALF!r}\n{WORKER}"
DISK_BYTES = 64 * 1024**2
TIMEOUT, DISK_FULL, OUT_OF_MEMORY = 42, 40, 20


def test_an_engine_that_hangs_or_ends_well_with_half_a_video(
    pipeline: Pipeline, new_fault: NewFault, clip: Path
) -> None:
    hanging, half = new_fault("the engine hangs"), new_fault("the engine ends well with half a video")
    with revised(pipeline, {}, entry_point=["python", "-c", PROGRAM]):
        hanging.upload(clip, "engine/hanging.mp4")
        half.upload(clip, "engine/half.mp4")
        [hung], [halved] = hanging.wait(), half.wait()
    hanging.settle(injected=1)
    half.settle(injected=halved["attempt"])
    assert (hung["state"], hung["attempt"]) == ("SUCCEEDED", 2), hung
    first, _ = tasks_of(pipeline, hung["job_id"])
    assert first["containers"][0]["exitCode"] == TIMEOUT
    assert (halved["state"], halved["attempt"], halved["error"]["code"]) == ("FAILED", 1, "OUTPUT_MISMATCH"), halved


@pytest.fixture
def small_disk(pipeline: Pipeline, tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB, where the tasks of the test keep their files."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=1777", "tmpfs", str(disk)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"this user may not mount a small disk: {mounted.stderr}")
    try:
        with revised(pipeline, {"TMPDIR": str(disk)}):
            yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)  # the job of a test that has failed may still run


def fill(ballast: Path) -> None:
    """Write until nothing more fits on the disk, whatever somebody else writes there meanwhile."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


@pytest.mark.only_target("process")
def test_a_disk_that_is_too_small(pipeline: Pipeline, small_disk: Path, new_fault: NewFault, clip: Path) -> None:
    fault = new_fault("a disk without room for the video")
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 1024**2))
    fault.upload(clip, "disk/small.mp4")
    [record] = fault.settle(injected=3)
    assert (record["state"], record["attempt"], record["error"]["code"]) == ("FAILED", 3, "DISK_FULL"), record
    assert "but 1 MB are free" in record["error"]["message"]
    codes = [task["containers"][0]["exitCode"] for task in tasks_of(pipeline, record["job_id"])]
    assert codes == [DISK_FULL] * 3
    assert list(small_disk.iterdir()) == [ballast]


@pytest.mark.only_target("process")
def test_a_disk_that_fills_while_the_engine_works(
    pipeline: Pipeline, small_disk: Path, new_fault: NewFault, long_clip: Path
) -> None:
    fault = new_fault("a disk that fills up while ENCODING")
    ballast = small_disk / "ballast"
    version_id = fault.upload(long_clip, "disk/filled.mp4")
    wait_until(lambda: (pipeline.record_of(version_id) or {}).get("phase") == "ENCODING", "the encode")
    fill(ballast)
    wait_until(lambda: ((pipeline.record_of(version_id) or {}).get("error") or {}).get("code"), "the attempt's end")
    ballast.unlink()
    [record] = fault.settle(injected=1)
    assert (record["state"], record["attempt"]) == ("SUCCEEDED", 2), record
    codes = [task["containers"][0]["exitCode"] for task in tasks_of(pipeline, record["job_id"])]
    assert codes == [DISK_FULL, 0]
    assert not list(small_disk.iterdir())


@pytest.mark.only_target("docker")
def test_a_task_that_runs_out_of_memory_is_followed_by_a_larger_one(
    pipeline: Pipeline, target: Target, new_fault: NewFault, long_clip: Path
) -> None:
    assert isinstance(target, Containers)
    fault = new_fault("out of memory while ENCODING")
    version_id = fault.upload(long_clip, "out-of-memory.mp4")
    wait_until(lambda: (pipeline.record_of(version_id) or {}).get("phase") == "ENCODING", "the encode")
    running = pipeline.record_of(version_id)
    assert running is not None
    target.exhaust_memory(running["job_id"])
    [record] = fault.settle(injected=1)
    assert record["state"] == "SUCCEEDED", record
    killed, larger = tasks_of(pipeline, record["job_id"])
    assert [(task["cpu"], task["memory"]) for task in (killed, larger)] == [("256", "512"), ("512", "1024")]
    assert (record["attempt"], record["task"]["memory_mb"]) == (1, 1024)
    assert killed["containers"][0]["exitCode"] == OUT_OF_MEMORY
