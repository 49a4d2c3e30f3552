"""The two images, looked at from outside: small, without tools for a burglar, and honest about their health."""

from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.models.images import Image

from e2e.compose import Project
from e2e.inspection import difference, inspect
from scripts.sample_media import make_logo

pytestmark = pytest.mark.only_target("docker")

MEGABYTE = 10**6
LARGEST = {"worker": 350 * MEGABYTE, "localstack": 600 * MEGABYTE}  # unpacked, the base included
BUILD_TOOLS = ("pip", "pip3", "gcc", "cc", "make", "g++", "ld")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Image]]:
    """Both images, by the name of their service."""
    project = Project(tmp_path_factory.mktemp("images"))
    built = project.run("build")
    assert built.returncode == 0, built.stderr
    services = project.configuration()["services"]
    yield {name: docker.from_env().images.get(service["image"]) for name, service in services.items()}
    project.remove_images()


@pytest.fixture(params=LARGEST)
def image(request: pytest.FixtureRequest, images: dict[str, Image]) -> tuple[str, Image]:
    return request.param, images[request.param]


def run(image: Image, *command: str) -> str:
    """Run a command in a new container of an image and return what it prints; a failure raises ContainerError."""
    output = docker.from_env().containers.run(
        image, list(command[1:]), entrypoint=command[0], remove=True, network_mode="none"
    )
    return output.decode()


def test_it_is_small(image: tuple[str, Image]) -> None:
    name, built = image
    print(f"{name}: {built.attrs['Size'] / MEGABYTE:.0f} MB")
    assert built.attrs["Size"] <= LARGEST[name]


def test_it_is_an_ordinary_user(image: tuple[str, Image]) -> None:
    _, built = image
    user, _, group = built.attrs["Config"]["User"].partition(":")
    assert run(built, "id", "-u").strip() == user != "0"
    assert run(built, "id", "-g").strip() == group != "0"


def test_it_holds_no_build_tools(image: tuple[str, Image]) -> None:
    _, built = image
    script = f"command -v {' '.join(BUILD_TOOLS)}; python -c 'import pip' 2>/dev/null && echo pip; true"
    assert run(built, "sh", "-c", script) == ""


def test_it_says_what_it_is_and_how_it_is(image: tuple[str, Image]) -> None:
    configuration = image[1].attrs["Config"]
    labels = configuration["Labels"]
    for label in ("title", "description", "licenses"):
        assert labels[f"org.opencontainers.image.{label}"]
    assert configuration["Healthcheck"]["Test"][0] == "CMD"
    assert configuration["Entrypoint"]


@pytest.mark.parametrize(("scratch", "exit_code"), [({"/tmp": ""}, 0), ({}, 1)])  # noqa: S108 - the container's
def test_a_worker_without_a_scratch_disk_is_not_healthy(
    scratch: dict[str, str], exit_code: int, images: dict[str, Image]
) -> None:
    _, *check = images["worker"].attrs["Config"]["Healthcheck"]["Test"]
    container = docker.from_env().containers.run(
        images["worker"], ["300"], entrypoint="sleep", read_only=True, tmpfs=scratch, detach=True
    )
    try:
        assert container.exec_run(check).exit_code == exit_code
    finally:
        container.remove(force=True)


def test_the_worker_works_on_a_read_only_file_system_in_a_tasks_size(
    images: dict[str, Image], clip: Path, tmp_path: Path
) -> None:
    make_logo(tmp_path / "logo.png")
    (tmp_path / "in.mp4").write_bytes(clip.read_bytes())
    tmp_path.chmod(0o777)  # the container's user is nobody here
    said = docker.from_env().containers.run(
        images["worker"],
        ["local", "/data/in.mp4", "/data/out.mp4", "--watermark", "/data/logo.png"],
        remove=True,
        network_mode="none",
        read_only=True,
        tmpfs={"/tmp": ""},  # noqa: S108 - the container's
        volumes={str(tmp_path): {"bind": "/data"}},
        mem_limit="512m",
        nano_cpus=250_000_000,
    )
    assert b"2.0 s, 50 frames" in said
    before, after = inspect(clip), inspect(tmp_path / "out.mp4")
    assert after.timestamps == before.timestamps
    assert difference(before.middle, after.middle, (266, 160, 314, 174)) > 20
