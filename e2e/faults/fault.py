"""One fault of a test: what was uploaded under it, how often it happened, and what came of it in the end."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.conftest import WaitForJob
from e2e.faults.ledger import ROW, Row
from e2e.faults.nothing_left import Findings, Upload, look
from e2e.inspection import status_at_the_end
from e2e.targets import Target
from videobatch.pipeline import JobRecord, Pipeline

CLEANING_SECONDS = 15  # a task's folder or container goes a moment after the record has its end
POLL_SECONDS = 0.5

NewFault = Callable[[str], "Fault"]


class Fault:
    """A fault under its name in the table."""

    def __init__(
        self,
        name: str,
        pipeline: Pipeline,
        target: Target,
        wait_for_job: WaitForJob,
        report: Callable[[str, object], None],
    ) -> None:
        self.name, self._pipeline, self._target = name, pipeline, target
        self._wait_for_job, self._report = wait_for_job, report
        self.uploads: list[Upload] = []

    def upload(self, video: Path, name: str, metadata: dict[str, str] | None = None) -> str:
        """Upload a video and return its version, by which its job is found."""
        version_id = self._pipeline.upload(video, name, metadata)
        self.uploads.append(Upload(name, version_id, video))
        return version_id

    def wait(self) -> list[JobRecord]:
        """Wait for the end of all jobs and return the record of each upload, in the order of the uploads."""
        records = [self._wait_for_job(upload.version_id) for upload in self.uploads]
        for record in records:
            status_at_the_end(self._pipeline, record["job_id"])
        return records

    def settle(self, injected: int) -> list[JobRecord]:
        """Wait for the end of all jobs, enter the fault into the table, and fail unless nothing is lost, half or left.

        Args:
            injected: How many times the fault has happened; a test that has injected nothing has shown nothing.

        Returns:
            The record of each upload, in the order of the uploads.
        """
        records = self.wait()
        found = self._look()
        row = Row(
            self.name,
            injected,
            len(self.uploads),
            found.outputs,
            len(found.lost),
            len(found.partial),
            len(found.leftovers),
        )
        self._report(ROW, row.markdown())
        problems = [*found.lost, *found.partial, *found.leftovers]
        if problems:
            pytest.fail(f"{self.name}: " + "; ".join(problems))
        assert injected > 0, f"{self.name} has not happened"
        return records

    def _look(self) -> Findings:
        deadline = time.monotonic() + CLEANING_SECONDS
        while (found := look(self._pipeline, self._target, self.uploads)).leftovers and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        return found
