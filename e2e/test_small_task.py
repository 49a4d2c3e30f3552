"""The smallest Fargate task is enough for 1080p: 0.25 vCPU and 512 MB, in a container with the kernel's own limits."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from e2e.compose import Project
from e2e.inspection import difference, inspect
from e2e.memory_table import ROW
from scripts.sample_media import make_logo
from worker.tests.media import Clip, make_clip

pytestmark = pytest.mark.only_target("docker")

MIB = 1024 * 1024
# As files from outside are: pictures coded from both sides, with four others to refer to, and stereo sound.
H264 = Clip(1920, 1080, rate=60, seconds=2, grey=None, b_frames=3, options={"preset": "veryfast", "refs": "4"})
HEVC = Clip(
    1920, 1080, rate=30, seconds=2, grey=None, b_frames=4, codec="libx265", options={"x265-params": "ref=4"}
)  # fmt: skip
VIDEOS = {
    "1080p, 60 frames a second, H.264": H264,
    "1080p, 30 frames a second, HEVC of 8 bits": HEVC,
    "1080p of a phone, H.264, to be turned by 90°": replace(H264, rate=30, rotation=90),
}
# Its control group counts what it has used at most; version 2, then version 1.
PEAK = "cat /sys/fs/cgroup/memory.peak 2>/dev/null || cat /sys/fs/cgroup/memory/memory.max_usage_in_bytes"
COMMAND = f"video-worker local /data/in.mp4 /data/out.mp4 --watermark /data/logo.png; code=$?; {PEAK}; exit $code"
SECONDS = 240


@dataclass(frozen=True)
class Run:
    """A video that was watermarked in a task's size: what was printed, and the files."""

    output: str
    before: Path
    after: Path

    @property
    def peak_mb(self) -> int:
        return round(int(self.output.split()[-1]) / MIB)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """All videos, at the same time."""
    project = Project(tmp_path_factory.mktemp("images"))
    built = project.run("build", "worker")
    assert built.returncode == 0, built.stderr
    started: dict[str, tuple[Container, Path]] = {}
    try:
        for name, clip in VIDEOS.items():
            folder = tmp_path_factory.mktemp("video")
            make_logo(folder / "logo.png")
            make_clip(folder / "in.mp4", clip)
            folder.chmod(0o777)  # the container's user is nobody here
            container = docker.from_env().containers.run(
                project.configuration()["services"]["worker"]["image"],
                ["-c", COMMAND],
                entrypoint="sh",
                detach=True,
                network_mode="none",
                volumes={str(folder): {"bind": "/data"}},
                mem_limit="512m",
                memswap_limit="512m",
                nano_cpus=250_000_000,
            )
            started[name] = container, folder
        yield {name: finished(container, folder) for name, (container, folder) in started.items()}
    finally:
        for container, _ in started.values():
            container.remove(force=True)
        project.remove_images()


def finished(container: Container, folder: Path) -> Run:
    deadline = time.monotonic() + SECONDS
    while (state := container.attrs["State"])["Running"] or state["Status"] == "created":
        assert time.monotonic() < deadline, container.logs().decode()
        time.sleep(0.2)
        container.reload()
    output = container.logs().decode()
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False), output
    return Run(output, folder / "in.mp4", folder / "out.mp4")


@pytest.mark.parametrize("name", VIDEOS)
def test_it_is_watermarked_in_the_smallest_task(
    name: str, runs: dict[str, Run], record_property: Callable[[str, object], None]
) -> None:
    run, clip = runs[name], VIDEOS[name]
    assert re.search(rf"2\.\d s, {2 * clip.rate} frames", run.output)
    before, after = inspect(run.before), inspect(run.after)
    assert after.audio == before.audio != []
    assert after.timestamps == before.timestamps
    assert after.size == before.size
    assert difference(before.middle, after.middle, (0, 0, *before.size)) > 0.2
    assert run.peak_mb <= 512
    record_property(ROW, f"| {name} | {run.peak_mb} |")
