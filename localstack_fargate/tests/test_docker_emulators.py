"""Emulators and one Docker engine: side by side, in containers, at their end and after it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from docker import APIClient
from docker.errors import NotFound

from localstack_fargate.launchers.docker.ownership import Ownership
from localstack_fargate.tests.kit import (
    PYTHON_IMAGE,
    START_TIMEOUT_SECONDS,
    Emulator,
    Fargate,
    emulator,
    free_port,
    poll,
    random_name,
)

ROOT = Path(__file__).parents[2]
DOCKER_SOCKET = "/var/run/docker.sock"
IDENTITY = 'import boto3, time; print(boto3.client("sts").get_caller_identity()["Arn"]); time.sleep(%d)'


def belongings(docker: APIClient, name: str) -> list[str]:
    """Everything in the engine that belongs to the emulator of this name."""
    filters = {"label": f"localstack-fargate.emulator={name}"}
    return [
        *(container["Names"][0] for container in docker.containers(all=True, filters=filters)),
        *(volume["Name"] for volume in docker.volumes(filters=filters)["Volumes"] or ()),
        *(network["Name"] for network in docker.networks(filters=filters)),
        *docker.images(filters=filters, quiet=True, all=True),
    ]


@contextlib.contextmanager
def machine_emulator(root: Path, name: str, **settings: str) -> Iterator[Emulator]:
    """An emulator that runs on the engine's machine; it is ready."""
    with emulator(root, FARGATE_LAUNCHER="docker", FARGATE_NAME=name, **settings) as started:
        poll(lambda: started.is_ready() or started.process.poll() is not None, START_TIMEOUT_SECONDS)
        assert started.process.poll() is None, started.log.read_text()[-4000:]
        yield started


@dataclass(frozen=True)
class ContainerEmulator:
    """An emulator in a container of the engine; ``name`` is the container's, and so the emulator's."""

    name: str
    url: str


@contextlib.contextmanager
def container_emulator(docker: APIClient) -> Iterator[ContainerEmulator]:
    """An emulator in a container: this code, and the packages that are installed here, beside the image's Python."""
    name, port = random_name("docker-emulator"), free_port()
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    environment = {
        "PYTHONPATH": f"{packages}:{ROOT}",
        "GATEWAY_LISTEN": "0.0.0.0:4566",
        "FILESYSTEM_ROOT": "/tmp/files",  # noqa: S108 - in a container of its own
        "OVERRIDE_IN_DOCKER": "0",
        "LOCALSTACK_VOLUME_DIR": "/tmp/volume",  # noqa: S108
        "DNS_ADDRESS": "0",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    container = docker.create_container_from_config(
        {
            "Image": PYTHON_IMAGE,
            "Entrypoint": ["python3", "-m", "localstack.runtime.main"],
            "Env": [f"{key}={value}" for key, value in environment.items()],
            "ExposedPorts": {"4566/tcp": {}},
            "HostConfig": {
                "Binds": [f"{path}:{path}:ro" for path in {packages, str(ROOT)}] + [f"{DOCKER_SOCKET}:{DOCKER_SOCKET}"],
                "PortBindings": {"4566/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]},
            },
        },
        name,
    )["Id"]
    try:
        docker.start(container)
        made = ContainerEmulator(name, f"http://127.0.0.1:{port}")
        poll(lambda: is_ready(made.url) or not runs(docker, container), START_TIMEOUT_SECONDS, "the emulator")
        assert runs(docker, container), docker.logs(container, tail=50).decode()
        yield made
    finally:
        docker.remove_container(container, force=True, v=True)
        Ownership(name).remove_everything(docker)  # which it has done itself unless a test failed


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_localstack/init/ready", timeout=2) as answer:  # noqa: S310
            return bool(json.load(answer)["completed"])
    except OSError:
        return False


def runs(docker: APIClient, container: str) -> bool:
    return bool(docker.inspect_container(container)["State"]["Running"])


def run_identity(fargate: Fargate, seconds: int = 0) -> str:
    script = IDENTITY % seconds
    return fargate.run(fargate.container(image=PYTHON_IMAGE, command=[script]), taskRoleArn=fargate.role_arn)


def expected_identity(fargate: Fargate, arn: str) -> list[str]:
    return [f"arn:aws:sts::000000000000:assumed-role/{fargate.name}/{arn.rsplit('/', 1)[-1]}"]


def check_side_by_side(one: Fargate, other: Fargate) -> None:
    """Each emulator answers its own tasks at the one address that all of them have."""
    runs = [(fargate, run_identity(fargate)) for fargate in (one, other, one, other)]
    for fargate, arn in runs:
        assert fargate.wait(arn, timeout=60)["containers"][0]["exitCode"] == 0
        assert fargate.output(arn) == expected_identity(fargate, arn)


def test_two_on_one_machine(docker: APIClient, tmp_path: Path) -> None:
    first, second = random_name("docker-one"), random_name("docker-two")
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    with machine_emulator(tmp_path / "2", second) as other:
        with machine_emulator(tmp_path / "1", first) as one:
            fargate = Fargate(other.url)
            check_side_by_side(Fargate(one.url), fargate)
            arn = fargate.run_script("trap 'exit 5' TERM; while :; do sleep 0.1; done")
            fargate.wait(arn, "RUNNING")
        assert belongings(docker, first) == []
        assert fargate.describe(arn)["lastStatus"] == "RUNNING"
        assert fargate.stop(arn)["containers"][0]["exitCode"] == 5
    assert belongings(docker, second) == []


def test_two_in_containers(docker: APIClient) -> None:
    with container_emulator(docker) as one, container_emulator(docker) as other:
        check_side_by_side(Fargate(one.url), Fargate(other.url))
        for each in (one, other):
            docker.stop(each.name, timeout=20)
            assert belongings(docker, each.name) == []


def test_what_a_killed_one_left_behind_is_removed(docker: APIClient, tmp_path: Path) -> None:
    name = random_name("docker-killed")
    mount = {"sourceVolume": "data", "containerPath": "/data"}
    with machine_emulator(tmp_path, name) as started:
        fargate = Fargate(started.url)
        containers = [fargate.container(each, command=["sleep 600"], mountPoints=[mount]) for each in ("main", "two")]
        arn = fargate.run(*containers, volumes=[{"name": "data"}])
        fargate.wait(arn, "RUNNING")
        started.process.send_signal(signal.SIGKILL)
        started.process.wait(30)
    left = belongings(docker, name)
    assert len(left) == 7, f"two containers, their pause, the endpoint's, the image, the volume, the network: {left}"
    with machine_emulator(tmp_path, name) as started:
        assert not set(left).intersection(belongings(docker, name)) - {f"/fargate-{name}-endpoint", f"fargate-{name}"}
        fargate = Fargate(started.url)
        arn = run_identity(fargate)
        fargate.wait(arn)
        assert fargate.output(arn) == expected_identity(fargate, arn)
    assert belongings(docker, name) == []


def test_stubborn_tasks_end_with_their_emulator(docker: APIClient, tmp_path: Path) -> None:
    name = random_name("docker-stubborn")
    with machine_emulator(tmp_path, name, FARGATE_MAX_TASKS="3") as started:
        fargate = Fargate(started.url)
        script = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
        arns = [fargate.run_script(script, stopTimeout=120) for _ in range(5)]  # two of them wait
        for arn in arns[:3]:
            poll(partial(fargate.output, arn))
        (container, *_) = docker.containers(filters={"label": f"com.amazonaws.ecs.task-arn={arns[0]}"})
        started.process.send_signal(signal.SIGTERM)
        assert started.process.wait(30) == 0
    assert belongings(docker, name) == []
    with pytest.raises(NotFound):
        docker.inspect_container(container["Id"])


def test_nothing_starts_behind_the_end_of_an_emulator(docker: APIClient, tmp_path: Path) -> None:
    name = random_name("docker-burst")
    with machine_emulator(tmp_path, name, FARGATE_MAX_TASKS="40") as started:
        fargate = Fargate(started.url)
        definition = fargate.register(fargate.container(command=["sleep 60"]))
        for _ in range(4):
            assert fargate.run_task(definition, count=10)["failures"] == []
        filters = {"label": f"localstack-fargate.emulator={name}"}
        poll(lambda: len(docker.containers(filters=filters)) > 5, what="some of the tasks, and the endpoint")
        started.process.send_signal(signal.SIGTERM)
        assert started.process.wait(60) == 0
    assert belongings(docker, name) == []


def test_tasks_that_could_not_find_the_emulator_any_more_fail(docker: APIClient, tmp_path: Path) -> None:
    name = random_name("docker-lost-endpoint")
    with machine_emulator(tmp_path, name) as started:
        docker.remove_container(f"fargate-{name}-endpoint", force=True)
        fargate = Fargate(started.url)
        reason = fargate.wait(fargate.run_script("true"), timeout=60)["stoppedReason"]
        problem = f"container fargate-{name}-endpoint has ended, in which tasks find the emulator: restart the emulator"
        assert reason == f"ResourceInitializationError: {problem}"
        assert f"No task can start: {problem}" in started.log.read_text()


CREATE_LAUNCHER = """
import fcntl, os, socket, struct
if os.geteuid() == 0:  # the network of another machine, which does not have the engine's bridges; with a loopback
    os.unshare(os.CLONE_NEWNET)
    SIOCSIFFLAGS, IFF_UP = 0x8914, 1
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
from localstack_fargate.configuration import read_configuration
from localstack_fargate.launchers import create_launcher
print(type(create_launcher(read_configuration())).__name__)
"""


@pytest.mark.parametrize("wanted", ["", "docker"])
def test_docker_is_not_chosen_where_tasks_could_not_reach_the_emulator(docker: APIClient, wanted: str) -> None:
    name = random_name("docker-far")
    environment = {**os.environ, "FARGATE_LAUNCHER": wanted, "FARGATE_NAME": name}
    run = subprocess.run([sys.executable, "-c", CREATE_LAUNCHER], env=environment, capture_output=True, text=True)
    if wanted:
        assert run.returncode == 1
        assert "ConfigurationError: FARGATE_LAUNCHER=docker: " in run.stderr
    else:
        assert run.stdout == "ProcessLauncher\n"
        assert run.stderr.count("Tasks run as processes, although there is a Docker engine: ") == 1
    assert belongings(docker, name) == []


def test_an_emulator_that_tasks_cannot_reach_does_not_start(docker: APIClient, tmp_path: Path) -> None:
    name = random_name("docker-lost")
    with emulator(tmp_path, FARGATE_LAUNCHER="docker", DOCKER_HOST="tcp://127.0.0.1:1", FARGATE_NAME=name) as started:
        assert started.process.wait(START_TIMEOUT_SECONDS) == 1
        assert "FARGATE_LAUNCHER=docker: no Docker engine answers: " in started.log.read_text()
    assert belongings(docker, name) == []
