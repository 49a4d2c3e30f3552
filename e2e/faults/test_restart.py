"""An account that is killed with a job in it and started anew in the same folder.

The emulator keeps everything in memory, as the README says: it comes back empty, uploads included, so there is nothing
that could be done again for them. (The same in containers is in e2e/test_containers.py.)
"""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from e2e.faults.fault import Fault
from e2e.inspection import wait_until
from e2e.targets import SETTINGS, Processes, emulator
from localstack_init.home import Home
from scripts.account import use_account
from videobatch.pipeline import JobRecord, Pipeline

pytestmark = pytest.mark.only_target("process")


def test_a_killed_account_comes_back_empty_and_works(
    tmp_path: Path, clip: Path, long_clip: Path, record_property: Callable[[str, object], None]
) -> None:
    target, home = Processes(), Home(tmp_path)
    with target.account(tmp_path):
        pipeline = Pipeline.of_stack()
        version_id = pipeline.upload(long_clip, "before.mp4")
        wait_until(lambda: (pipeline.record_of(version_id) or {}).get("phase") == "ENCODING", "the encode")
        record = pipeline.record_of(version_id)
        running = home.running()
        assert record is not None
        assert running is not None
        process = psutil.Process(running.pid)
        process.kill()
        process.wait(10)
        wait_until(lambda: not target.worker_runs(record["job_id"]), "the worker's end", seconds=10)

        up = emulator(["up"], tmp_path, **SETTINGS)
        assert up.returncode == 0, up.stderr
        use_account(up.stdout)
        again = Pipeline.of_stack()
        assert list(again.records()) == []
        assert "Versions" not in again.s3.list_object_versions(
            Bucket=again.bucket, Prefix=again.outputs["UploadPrefix"]
        )

        def wait(version_id: str) -> JobRecord:
            *_, last = again.follow(version_id, timeout=target.job_timeout)
            return last

        fault = Fault(
            "the emulator is killed, comes back empty, and gets the video again", again, target, wait, record_property
        )
        fault.upload(clip, "before.mp4")
        [after] = fault.settle(injected=1)
        assert after["state"] == "SUCCEEDED"
