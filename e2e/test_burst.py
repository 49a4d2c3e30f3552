"""A hundred uploads at once: every one comes back, and the emulated account stays small."""

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from e2e.conftest import WaitForJob
from e2e.targets import Containers, Target
from videobatch.pipeline import Pipeline

pytestmark = pytest.mark.only_target("docker")

UPLOADS = 100
MIB = 1024 * 1024
MEMORY_BOUND_MIB = 1024
SAMPLE_SECONDS = 1.0


class PeakMemory:
    """The most memory (MiB) that a container's processes have had together, without the file cache."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.mib = 0.0

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            statistics: Any = self._container.stats(stream=False)
            memory = statistics["memory_stats"]
            cache = memory["stats"].get("total_inactive_file", memory["stats"].get("inactive_file", 0))
            self.mib = max(self.mib, (memory["usage"] - cache) / MIB)


def test_a_hundred_uploads_at_once_are_a_hundred_results(
    pipeline: Pipeline, target: Target, clip: Path, wait_for_job: WaitForJob
) -> None:
    assert isinstance(target, Containers)
    names = [f"hundred/{number:03}.mp4" for number in range(UPLOADS)]
    with PeakMemory(target.emulator()) as peak:
        records = [wait_for_job(version_id) for version_id in [pipeline.upload(clip, name) for name in names]]
    assert Counter(record["state"] for record in records) == {"SUCCEEDED": UPLOADS}
    assert {record["attempt"] for record in records} == {1}, "a task failed that had no reason to"
    assert set(names) <= set(pipeline.result_names())
    assert 0 < peak.mib < MEMORY_BOUND_MIB
