"""What a task's containers are like in Docker, as ``docker inspect`` and they themselves see it."""

from collections.abc import Callable
from typing import Any

import pytest
from docker import APIClient

from localstack_fargate.tests.kit import PYTHON_IMAGE, Fargate

pytestmark = pytest.mark.launchers("docker")

MIB = 1024 * 1024


@pytest.fixture
def inspect(docker: APIClient, fargate: Fargate) -> Callable[[str], dict[str, Any]]:
    """The container of a running task, as the engine sees it."""

    def inspect(arn: str, name: str = "main") -> dict[str, Any]:
        fargate.wait(arn, "RUNNING")
        labels = [f"com.amazonaws.ecs.task-arn={arn}", f"com.amazonaws.ecs.container-name={name}"]
        (found,) = docker.containers(filters={"label": labels})
        container: dict[str, Any] = docker.inspect_container(found["Id"])
        return container

    return inspect


@pytest.mark.conformance("Docker", "The task's CPU and memory limit its containers")
def test_limits_of_the_task(fargate: Fargate, inspect: Callable[[str], dict[str, Any]]) -> None:
    arn = fargate.run_script("sleep 60")
    settings = inspect(arn)["HostConfig"]
    assert (settings["Memory"], settings["MemorySwap"], settings["CpuShares"]) == (512 * MIB, 512 * MIB, 256)


@pytest.mark.conformance("Docker", "Credentials and metadata at 169.254.170.2")
def test_credentials_are_at_fargates_address(fargate: Fargate) -> None:
    script = 'import boto3, os; print(boto3.client("sts").get_caller_identity()["Arn"]); print(dict(os.environ))'
    arn = fargate.run(fargate.container(image=PYTHON_IMAGE, command=[script]), taskRoleArn=fargate.role_arn)
    fargate.wait(arn)
    identity, environment = fargate.output(arn)
    assert identity == f"arn:aws:sts::000000000000:assumed-role/{fargate.name}/{arn.rsplit('/', 1)[-1]}"
    assert "'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI': '/v2/credentials/" in environment


@pytest.mark.conformance("Docker", "Nothing is left of a stopped task")
def test_nothing_is_left_of_a_task(fargate: Fargate, docker: APIClient) -> None:
    volume = {"name": "shared"}
    mount = {"sourceVolume": "shared", "containerPath": "/shared"}
    writer = fargate.container("writer", command=["echo hello > /shared/file"], mountPoints=[mount], essential=False)
    reader = fargate.container(
        command=["while ! grep . /ours/file; do sleep 0.1; done"], mountPoints=[{**mount, "containerPath": "/ours"}]
    )
    arn = fargate.run(writer, reader, volumes=[volume])
    assert fargate.wait(arn)["containers"][0]["exitCode"] == 0
    assert fargate.output(arn) == ["hello"]
    filters = {"label": f"localstack-fargate.task={arn.rsplit('/', 1)[-1]}"}
    assert docker.containers(all=True, filters=filters) == []
    assert not docker.volumes(filters=filters)["Volumes"]


@pytest.mark.conformance("Docker", "The containers of a task share localhost")
def test_containers_of_a_task_share_localhost(fargate: Fargate) -> None:
    server = "import http.server as h; h.HTTPServer(('127.0.0.1', 8080), h.SimpleHTTPRequestHandler).serve_forever()"
    ask = """
import time, urllib.request
while True:
    try:
        print(urllib.request.urlopen("http://localhost:8080", timeout=2).status)
        break
    except OSError:
        time.sleep(0.1)
"""
    arn = fargate.run(
        fargate.container(image=PYTHON_IMAGE, command=[ask]),
        fargate.container("server", image=PYTHON_IMAGE, command=[server], essential=False, stopTimeout=2),
    )
    fargate.wait(arn)
    assert fargate.output(arn) == ["200"]


@pytest.mark.conformance("Start failures", "`CannotPullContainerError`")
def test_image_that_cannot_be_pulled(fargate: Fargate) -> None:
    task = fargate.wait(fargate.run(fargate.container(image="localhost:1/not/there:1")))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith(
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): "
        "failed to resolve ref localhost:1/not/there:1: "
    )


@pytest.mark.conformance("Start failures", "`CannotStartContainerError`")
def test_program_that_is_not_there(fargate: Fargate, docker: APIClient) -> None:
    arn = fargate.run(fargate.container(entryPoint=["/no/such/program"]))
    task = fargate.wait(arn)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith(
        "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: "
    )
    assert "/no/such/program" in task["stoppedReason"]
    assert docker.containers(all=True, filters={"label": f"com.amazonaws.ecs.task-arn={arn}"}) == []


@pytest.mark.conformance("Docker", "Out of memory: exit code 137 and `OutOfMemoryError`")
def test_out_of_memory(fargate: Fargate) -> None:
    script = "import time; b = bytearray(600 * 1024 * 1024); time.sleep(60)"
    task = fargate.wait(fargate.run(fargate.container(image=PYTHON_IMAGE, command=[script])))
    (container,) = task["containers"]
    assert (container["exitCode"], container["reason"]) == (
        137,
        "OutOfMemoryError: Container killed due to memory usage",
    )


@pytest.mark.conformance("Docker", "Containers that together have more memory than their task: the largest ends")
def test_out_of_memory_together(fargate: Fargate) -> None:
    script = "import time; b = bytearray(%d << 20); time.sleep(60)"
    small = fargate.container("small", PYTHON_IMAGE, command=[script % 200], essential=False)
    task = fargate.wait(fargate.run(fargate.container(image=PYTHON_IMAGE, command=[script % 400]), small))
    large = next(container for container in task["containers"] if container["name"] == "main")
    assert (large["exitCode"], large["reason"]) == (137, "OutOfMemoryError: Container killed due to memory usage")


@pytest.mark.conformance("Docker", "`cpu`, `memory` and `memoryReservation` of a container")
def test_cpu_and_memory_of_several_containers(fargate: Fargate, inspect: Callable[..., dict[str, Any]]) -> None:
    said = fargate.container("said", command=["sleep 60"], cpu=64, memory=128, memoryReservation=100)
    arn = fargate.run(fargate.container(command=["sleep 60"]), said)
    found = [inspect(arn, name)["HostConfig"] for name in ("main", "said")]
    members = ("Memory", "MemoryReservation", "CpuShares")
    assert [[settings[each] for each in members] for settings in found] == [
        [512 * MIB, 0, 192],
        [128 * MIB, 100 * MIB, 64],
    ]
