"""What a container definition says, as the container finds it."""

import json
from typing import Any

import pytest
from docker import APIClient

from localstack_fargate.tests.kit import PYTHON_IMAGE, Fargate, poll

pytestmark = pytest.mark.launchers("docker")


def output_of(fargate: Fargate, script: str, **definition: Any) -> list[str]:
    arn = fargate.run_script(script, **definition)
    fargate.wait(arn)
    return fargate.output(arn)


@pytest.mark.conformance("Docker", "`user` and `workingDirectory`")
def test_user_and_working_directory(fargate: Fargate) -> None:
    assert output_of(fargate, "id -u; id -g; pwd", user="1234:5678", workingDirectory="/usr") == [
        "1234",
        "5678",
        "/usr",
    ]


@pytest.mark.conformance("Docker", "`readonlyRootFilesystem`")
def test_read_only_root(fargate: Fargate) -> None:
    script = "echo x > /file && echo written; true"
    assert "Read-only file system" in output_of(fargate, script, readonlyRootFilesystem=True)[0]
    assert output_of(fargate, script) == ["written"]


@pytest.mark.conformance("Docker", "`ulimits`")
def test_ulimits(fargate: Fargate) -> None:
    limits = [{"name": "nofile", "softLimit": 777, "hardLimit": 888}]
    assert output_of(fargate, "ulimit -Sn; ulimit -Hn", ulimits=limits) == ["777", "888"]


@pytest.mark.conformance("Docker", "`linuxParameters.initProcessEnabled`")
def test_init_process(fargate: Fargate) -> None:
    assert output_of(fargate, "echo $$") == ["1"]
    assert output_of(fargate, "echo $$", linuxParameters={"initProcessEnabled": True}) != ["1"]


@pytest.mark.conformance("Docker", "`linuxParameters.capabilities`")
def test_capabilities(fargate: Fargate) -> None:
    script = "chown 1 /tmp && echo allowed; true"
    assert output_of(fargate, script) == ["allowed"]
    assert output_of(fargate, script, linuxParameters={"capabilities": {"drop": ["CHOWN"]}}) != ["allowed"]


@pytest.mark.conformance("Docker", "`systemControls`, of which those of the network are the task's")
def test_kernel_settings(fargate: Fargate) -> None:
    setting = [{"namespace": "net.core.somaxconn", "value": "99"}]
    script = "cat /proc/sys/net/core/somaxconn"
    assert output_of(fargate, script, systemControls=setting) == ["99"]
    other = fargate.container("other", command=[script])
    arn = fargate.run(fargate.container(command=["sleep 1"], systemControls=setting), {**other, "essential": False})
    fargate.wait(arn)
    assert fargate.output(arn, "other") == ["99"], "one network, one setting"


@pytest.mark.conformance("Docker", "`pseudoTerminal`")
def test_terminal(fargate: Fargate) -> None:
    assert output_of(fargate, "test -t 1 && echo terminal") == []
    assert output_of(fargate, "test -t 1 && echo terminal", pseudoTerminal=True)[0].rstrip("\r") == "terminal"


@pytest.mark.conformance("Docker", "`interactive`")
def test_standard_input(fargate: Fargate) -> None:
    assert output_of(fargate, "timeout 1 cat; echo $?") == ["0"]
    assert output_of(fargate, "timeout 1 cat; echo $?", interactive=True) == ["124"], "open, and nothing comes"


@pytest.mark.conformance("Docker", "`entryPoint` without `command` forgets the image's CMD")
def test_entry_point_forgets_the_images_command(fargate: Fargate) -> None:
    arn = fargate.run(fargate.container(image="debian:trixie-slim", entryPoint=["echo", "only this"]))
    fargate.wait(arn)
    assert fargate.output(arn) == ["only this"]


@pytest.mark.conformance("Docker", "`mountPoints` and `volumesFrom`, also read-only")
def test_volumes_are_shared_and_may_be_read_only(fargate: Fargate) -> None:
    def mount(**options: Any) -> list[dict[str, Any]]:
        return [{"sourceVolume": "data", "containerPath": "/data", **options}]

    reader = fargate.container(
        "reader",
        command=["until test -e /data/file; do sleep 0.1; done; cat /data/file; echo no > /data/file"],
        mountPoints=mount(readOnly=True),
    )
    follower = fargate.container(
        "follower",
        command=["until test -e /data/file; do sleep 0.1; done; cat /data/file"],
        volumesFrom=[{"sourceContainer": "main"}],
        essential=False,
    )
    writer = fargate.container(command=["echo hello > /data/file; sleep 5"], mountPoints=mount(), essential=False)
    arn = fargate.run(follower, reader, writer, volumes=[{"name": "data"}])
    fargate.wait(arn, timeout=40)
    refusal, hello = sorted(fargate.output(arn, "reader"), key="hello".__eq__)  # stderr and stdout come as they come
    assert hello == "hello"
    assert "Read-only file system" in refusal
    assert fargate.output(arn, "follower") == ["hello"]


@pytest.mark.conformance("Docker", "A health check that takes too long is ended with all its processes")
def test_health_check_that_hangs_is_killed(fargate: Fargate, docker: APIClient) -> None:
    check = {"command": ["CMD-SHELL", "sleep 4567; true"], "interval": 5, "timeout": 2, "retries": 1}
    arn = fargate.run_script("sleep 60", healthCheck=check)
    fargate.wait(arn, "RUNNING")
    (container,) = docker.containers(filters={"label": f"com.amazonaws.ecs.task-arn={arn}"})

    def checks() -> list[str]:
        processes = (" ".join(columns) for columns in docker.top(container["Id"])["Processes"])
        return [process for process in processes if "4567" in process]

    poll(lambda: len(checks()) == 2, what="the shell and its child")
    poll(lambda: fargate.describe(arn)["healthStatus"] == "UNHEALTHY")
    assert checks() == [], "and both are gone"


@pytest.mark.conformance("Docker", "Metadata has the image's id, and `/stats` Docker's statistics")
def test_statistics_and_addresses(fargate: Fargate) -> None:
    script = """
import json, os, socket, time, urllib.request
url = os.environ["ECS_CONTAINER_METADATA_URI_V4"]
print(json.dumps([json.load(urllib.request.urlopen(url + part)) for part in ("", "/stats")]))
"""
    arn = fargate.run(fargate.container(image=PYTHON_IMAGE, command=[script]))
    fargate.wait(arn)
    container, statistics = json.loads("".join(fargate.output(arn)))
    assert statistics["memory_stats"]["usage"] > 1_000_000
    assert container["ImageID"].startswith("sha256:")


@pytest.mark.conformance("Docker", "A user that is not in the image fails the task with CannotStartContainerError")
def test_definition_that_docker_refuses(fargate: Fargate) -> None:
    task = fargate.wait(fargate.run(fargate.container(command=["true"], user="nobody-of-this-name")))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotStartContainerError: ResourceInitializationError: ")
    assert "nobody-of-this-name" in task["stoppedReason"]


@pytest.mark.conformance("Docker", "A child process out of memory is the container's reason; its exit code stays")
def test_a_child_out_of_memory_is_told_as_the_reason(fargate: Fargate) -> None:
    script = "import subprocess as s, sys; s.run([sys.executable, '-c', 'b = bytearray(600 << 20)']); sys.exit(7)"
    task = fargate.wait(fargate.run(fargate.container(image=PYTHON_IMAGE, command=[script])))
    (container,) = task["containers"]
    assert container["exitCode"] == 7
    assert container["reason"] == "OutOfMemoryError: Container killed due to memory usage"


@pytest.mark.conformance("Docker", "A task of another CPU architecture does not start")
def test_architecture_of_another_machine(fargate: Fargate) -> None:
    platform = {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}
    task = fargate.wait(fargate.run(fargate.container(command=["true"]), runtimePlatform=platform))
    assert task["stoppedReason"] == (
        "CannotPullContainerError: the task wants a machine with runtimePlatform.cpuArchitecture ARM64, "
        "this one is X86_64"
    )


def test_a_container_may_have_the_name_of_ours(fargate: Fargate) -> None:
    containers = [fargate.container(name, command=["exit 4"]) for name in ("pause", "endpoint")]
    task = fargate.wait(fargate.run(*containers))
    assert {container["name"]: container.get("exitCode") for container in task["containers"]}["pause"] == 4, task
