"""What is true only if tasks are containers: their limits, their role, and their end with a killed account."""

from pathlib import Path

import pytest
from docker.errors import NotFound
from docker.models.containers import Container

from e2e.compose import Project
from e2e.inspection import wait_until
from e2e.targets import Containers, Target
from videobatch.pipeline import Pipeline

pytestmark = pytest.mark.only_target("docker")

MIB = 1024 * 1024
WHO_AM_I = ["python", "-c", "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"]


def running_worker(target: Target, pipeline: Pipeline, version_id: str) -> Container:
    """The container of an upload's task, once it runs."""
    assert isinstance(target, Containers)
    record = wait_until(lambda: pipeline.record_of(version_id), "the job's record")
    found: list[Container] = wait_until(lambda: target.containers_of_worker(record["job_id"]), "the task's container")
    return found[0]


def test_a_task_has_fargates_memory_and_its_role(pipeline: Pipeline, target: Target, long_clip: Path) -> None:
    worker = running_worker(target, pipeline, pipeline.upload(long_clip, "inside.mp4"))
    limits = worker.attrs["HostConfig"]
    assert (limits["Memory"], limits["MemorySwap"]) == (512 * MIB, 512 * MIB)
    # The variables of the container's first process lead any SDK to the role: nothing was configured for this command.
    code, output = worker.exec_run(WHO_AM_I)
    assert code == 0, output
    assert b":assumed-role/ecsS3TaskRole/" in output


def test_a_killed_account_comes_back_empty_and_its_tasks_are_gone(
    tmp_path: Path, long_clip: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path)
    with project.running():
        for name, value in project.client_environment().items():
            monkeypatch.setenv(name, value)
        pipeline = Pipeline.of_stack()
        worker = running_worker(Containers(), pipeline, pipeline.upload(long_clip, "killed.mp4"))
        assert project.run("kill", "--signal", "SIGKILL", "localstack").returncode == 0
        worker.reload()
        assert worker.status == "running", "it should have outlived the account"

        up = project.run("up", "--wait")
        assert up.returncode == 0, up.stderr
        with pytest.raises(NotFound):
            worker.reload()
        assert pipeline.result_names() == []
        *_, record = pipeline.follow(pipeline.upload(clip, "after.mp4"), timeout=120)
        assert record["state"] == "SUCCEEDED", record
