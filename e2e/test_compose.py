"""docker-compose.yml as its users meet it: its settings, what it takes to be up, and what is left when it is down."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import docker
import pytest

from e2e.compose import Project
from videobatch.pipeline import Pipeline

pytestmark = pytest.mark.only_target("docker")

JOB_TIMEOUT_SECONDS = 120
NAMES = {
    "STACK_NAME": "mine",
    "STACK_BUCKET_NAME": "elsewhere",
    "STACK_UPLOAD_PREFIX": "videos/",
    "STACK_WATERMARK_PREFIX": "marks/",
    "STACK_RESULT_PREFIX": "done/",
    "STACK_JOB_PREFIX": "records/",
    "STACK_PARAMETERS": '{"ClusterName": "my-cluster", "RetryDelays": "1"}',
}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project that a test brings up by itself; all of it is removed."""
    project = Project(tmp_path, **NAMES)
    yield project
    project.run("down", "--volumes")
    project.remove_images()


def left_of(project: Project) -> list[str]:
    """Containers, networks and volumes that have to do with the project, by any name, label or image."""
    engine = docker.from_env()
    containers = engine.containers.list(all=True, ignore_removed=True)
    everything = [*containers, *engine.networks.list(), *engine.volumes.list()]
    return [str(each.attrs) for each in everything if project.name in str(each.attrs)]


def watermark(clip: Path, name: str) -> str:
    """Send a video through the stack of NAMES and return the key of its result."""
    pipeline = Pipeline.of_stack(NAMES["STACK_NAME"])
    *_, record = pipeline.follow(pipeline.upload(clip, name), timeout=JOB_TIMEOUT_SECONDS)
    assert record["state"] == "SUCCEEDED", record
    return str(record["output"]["key"])


def test_a_second_environment_beside_the_first_with_names_of_its_own(
    account: Path,  # noqa: ARG001 - the first
    project: Project,
    clip: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    up = project.run("up", "--wait")
    assert up.returncode == 0, up.stderr
    for name, value in project.client_environment().items():
        monkeypatch.setenv(name, value)
    assert watermark(clip, "a/b.mp4") == "done/a/b.mp4"
    assert [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]].count("elsewhere") == 1

    # Nothing of the account outlives a restart, and the hook deploys it anew.
    assert project.run("restart").returncode == 0
    assert project.run("up", "--wait").returncode == 0
    assert Pipeline.of_stack(NAMES["STACK_NAME"]).result_names() == []
    assert watermark(clip, "after.mp4") == "done/after.mp4"

    assert left_of(project)
    assert project.run("down", "--volumes").returncode == 0
    assert left_of(project) == []


def test_it_is_not_up_if_the_hook_has_failed(tmp_path: Path) -> None:
    project = Project(tmp_path, STACK_PARAMETERS='{"NoSuchParameter": "x"}')
    try:
        up = project.run("up", "--wait")
        assert up.returncode != 0
        assert "unhealthy" in up.stderr
        assert "the template has no parameter NoSuchParameter" in project.run("logs").stdout
    finally:
        project.run("down", "--volumes")
        project.remove_images()


def test_only_this_machine_reaches_the_account(tmp_path: Path) -> None:
    [port] = Project(tmp_path).configuration()["services"]["localstack"]["ports"]
    assert port["host_ip"] == "127.0.0.1"
