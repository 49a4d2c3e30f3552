"""A task's life: what it runs, how it ends, and what DescribeTasks says about it."""

import hashlib
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from localstack_fargate.tests.kit import PYTHON_IMAGE, SHELL_IMAGE, Fargate, is_alive, poll, random_name

LIFE_CYCLE = [
    "PROVISIONING",
    "PENDING",
    "ACTIVATING",
    "RUNNING",
    "DEACTIVATING",
    "STOPPING",
    "DEPROVISIONING",
    "STOPPED",
]


@pytest.mark.conformance("Life cycle", "The exit code is the container's")
@pytest.mark.parametrize("code", [0, 3])
def test_exit_code_of_the_process(fargate: Fargate, code: int) -> None:
    task = fargate.wait(fargate.run_script(f"exit {code}"))
    assert task["containers"][0]["exitCode"] == code
    assert (task["stopCode"], task["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )


@pytest.mark.conformance("Life cycle", "After signal N the exit code is 128 + N")
@pytest.mark.launchers("process")  # in Docker the first process, which the shell is there, is safe from itself
@pytest.mark.parametrize(("script", "code"), [("kill -9 $$", 137), ("kill $$", 143)])
def test_exit_code_after_a_signal(fargate: Fargate, script: str, code: int) -> None:
    assert fargate.wait(fargate.run_script(script))["containers"][0]["exitCode"] == code


@pytest.mark.conformance("Life cycle", "States, versions and times of day rise in AWS's order")
def test_times_and_versions_follow_the_life_cycle(fargate: Fargate) -> None:
    arn = fargate.run_script("sleep 0.5")
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["lastStatus"] != "STOPPED":
        seen.append(fargate.describe(arn))
    statuses = [task["lastStatus"] for task in seen]
    assert [LIFE_CYCLE.index(status) for status in statuses] == sorted(map(LIFE_CYCLE.index, statuses))
    assert "RUNNING" in statuses
    versions = [task["version"] for task in seen]
    assert versions == sorted(versions)
    assert {task["desiredStatus"] for task in seen if task["lastStatus"] == "RUNNING"} >= {"RUNNING"}
    task = seen[-1]
    names = ("createdAt", "connectivityAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppingAt")
    times = [task[name] for name in (*names, "executionStoppedAt", "stoppedAt")]
    assert times == sorted(times)
    assert task["desiredStatus"] == "STOPPED"
    container = task["containers"][0]
    assert container["lastStatus"] == "STOPPED"
    assert container["runtimeId"].startswith(arn.rsplit("/", 1)[-1] + "-")
    assert container["taskArn"] == arn
    assert ":container/" in container["containerArn"]


@pytest.mark.conformance("Containers", "The environment: the definition's, Fargate's, and no more")
def test_the_environment_is_fargates_and_nothing_else(fargate: Fargate) -> None:
    definition = fargate.container(
        command=["env"], environment=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    )
    override = {"name": "main", "environment": [{"name": "B", "value": "two"}, {"name": "C", "value": "3"}]}
    arn = fargate.run(definition, request={"overrides": {"containerOverrides": [override]}})
    fargate.wait(arn)
    variables = dict(line.partition("=")[::2] for line in fargate.output(arn))
    assert (variables["A"], variables["B"], variables["C"]) == ("1", "two", "3")
    assert variables["AWS_EXECUTION_ENV"] == "AWS_ECS_FARGATE"
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "us-east-1"
    assert set(variables) <= {
        *("A", "B", "C", "PATH", "HOME", "TMPDIR", "HOSTNAME", "PWD", "OLDPWD", "SHLVL", "_"),
        *("AWS_EXECUTION_ENV", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "ECS_CONTAINER_METADATA_URI_V4"),
    }


@pytest.mark.launchers("process")
def test_its_directory_is_its_own_and_goes_with_it(fargate: Fargate) -> None:
    arn = fargate.run_script("pwd; touch file; ls")
    fargate.wait(arn)
    directory, listing = fargate.output(arn)
    assert listing == "file"
    assert not Path(directory).exists()


@pytest.mark.conformance("Containers", "`entryPoint` and `command`")
def test_entry_point_and_command(fargate: Fargate) -> None:
    arn = fargate.run(fargate.container(entryPoint=["printf", "%s\n"], command=["a b", "c"]))
    fargate.wait(arn)
    assert fargate.output(arn) == ["a b", "c"]


@pytest.mark.conformance("RunTask", "Overrides of command, CPU and memory")
def test_overrides_of_command_and_size(fargate: Fargate) -> None:
    overrides = {"cpu": "512", "memory": "1024", "containerOverrides": [{"name": "main", "command": ["exit 4"]}]}
    arn = fargate.run(fargate.container(command=["exit 5"]), request={"overrides": overrides})
    task = fargate.wait(arn)
    assert task["containers"][0]["exitCode"] == 4
    assert (task["cpu"], task["memory"]) == ("512", "1024")
    assert task["overrides"]["containerOverrides"] == overrides["containerOverrides"]


@pytest.mark.launchers("process")
def test_processes_left_behind_end_with_the_container(fargate: Fargate) -> None:
    script = "setsid sleep 300 & echo $!; (setsid sh -c 'sleep 300 & echo $!' &); sleep 0.3"
    arn = fargate.run_script(script)
    fargate.wait(arn)
    pids = [int(line) for line in fargate.output(arn)]
    assert len(pids) == 2
    assert not any(is_alive(pid) for pid in pids)


@pytest.mark.conformance("Containers", "The end of an essential container ends the task")
def test_essential_container_takes_the_others_with_it(fargate: Fargate) -> None:
    script = "trap 'exit 7' TERM; while :; do sleep 0.05; done"
    helper = fargate.container("helper", command=[script], essential=False, stopTimeout=20)
    after_it = [{"containerName": "helper", "condition": "START"}]  # a shell that has no trap yet does not hear SIGTERM
    arn = fargate.run(fargate.container(command=["sleep 0.5; exit 2"], dependsOn=after_it), helper)
    codes = {c["name"]: c["exitCode"] for c in fargate.wait(arn, timeout=40)["containers"]}
    assert codes == {"main": 2, "helper": 7}


@pytest.mark.conformance("Containers", "The end of another container does not")
def test_other_containers_may_end_before(fargate: Fargate) -> None:
    helper = fargate.container("helper", command=["exit 1"], essential=False)
    after = [{"containerName": "helper", "condition": "COMPLETE"}]
    arn = fargate.run(fargate.container(command=["exit 0"], dependsOn=after), helper)
    task = fargate.wait(arn)
    assert {c["name"]: c["exitCode"] for c in task["containers"]} == {"main": 0, "helper": 1}
    assert task["stopCode"] == "EssentialContainerExited"


@pytest.mark.conformance("StopTask", "SIGTERM first, and the exit code is the container's")
def test_stop_gives_the_process_time(fargate: Fargate) -> None:
    arn = fargate.run_script("trap 'echo stopping; exit 9' TERM; echo ready; while :; do sleep 0.05; done")
    fargate.wait(arn, "RUNNING")
    poll(lambda: fargate.output(arn))
    task = fargate.stop(arn, reason="enough")
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")
    assert task["containers"][0]["exitCode"] == 9
    assert fargate.output(arn) == ["ready", "stopping"]


@pytest.mark.conformance("StopTask", "SIGKILL after `stopTimeout`")
def test_stop_kills_after_stop_timeout(fargate: Fargate) -> None:
    arn = fargate.run_script("trap '' TERM; echo ready; while :; do sleep 0.05; done", stopTimeout=2)
    poll(lambda: fargate.describe(arn)["lastStatus"] == "RUNNING" and fargate.output(arn))
    started = time.monotonic()
    task = fargate.stop(arn)
    assert 1.9 < time.monotonic() - started < 5
    assert task["containers"][0]["exitCode"] == 137
    assert fargate.describe(arn)["stopCode"] == "UserInitiated"


@pytest.mark.conformance("StopTask", "A second StopTask changes nothing")
def test_stop_is_idempotent_and_the_first_reason_counts(fargate: Fargate) -> None:
    arn = fargate.run_script("sleep 30")
    fargate.stop(arn, reason="first")
    assert fargate.stop(arn, reason="second")["stoppedReason"] == "first"


@pytest.mark.launchers("process")
def test_at_most_two_at_a_time_and_none_is_lost(fargate: Fargate, tmp_path: Path) -> None:
    script = f"touch {tmp_path}/$$; ls {tmp_path} | wc -l; sleep 0.4; rm {tmp_path}/$$; exit 6"
    definition = fargate.register(fargate.container(command=[script]))
    arns = [task["taskArn"] for task in fargate.run_task(definition, count=5)["tasks"]]
    waiting = [
        t
        for t in fargate.ecs.describe_tasks(cluster=fargate.name, tasks=arns)["tasks"]
        if t["lastStatus"] == "PROVISIONING"
    ]
    assert len(waiting) >= 2
    tasks = [fargate.wait(arn) for arn in arns]
    assert [task["containers"][0]["exitCode"] for task in tasks] == [6] * 5
    assert max(int(fargate.output(arn)[0]) for arn in arns) <= 2
    started = [task["startedAt"] for task in tasks]
    assert all(first < third for first, third in zip(started, started[2:], strict=False)), "first come, first served"


@pytest.mark.conformance("StopTask", "A task that has not started")
def test_a_waiting_task_can_be_stopped(fargate: Fargate) -> None:
    definition = fargate.register(fargate.container(command=["sleep 30"]))
    arns = [task["taskArn"] for task in fargate.run_task(definition, count=3)["tasks"]]
    task = fargate.stop(arns[2])
    assert task["stopCode"] == "UserInitiated"
    assert "startedAt" not in task
    assert "exitCode" not in task["containers"][0]
    cluster = fargate.ecs.describe_clusters(clusters=[fargate.name])["clusters"][0]
    assert cluster["runningTasksCount"] + cluster["pendingTasksCount"] == 2


def test_image_that_is_not_mapped(fargate: Fargate) -> None:
    task = fargate.wait(fargate.run(fargate.container(image="example/unknown:1")))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotPullContainerError: ")
    assert "example/unknown:1" in task["stoppedReason"]
    assert "exitCode" not in task["containers"][0]


def test_efs_volumes_fail_the_task_rather_than_to_be_empty(fargate: Fargate) -> None:
    main = fargate.container(mountPoints=[{"sourceVolume": "data", "containerPath": "/data"}])
    volume = {"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-12345678"}}
    task = fargate.wait(fargate.run(main, volumes=[volume]))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("ResourceInitializationError: failed to mount volume data: EFS ")


@pytest.mark.conformance("Start failures", "`CannotStartContainerError`")
def test_command_that_is_not_there(fargate: Fargate) -> None:
    task = fargate.wait(fargate.run(fargate.container(entryPoint=["/no/such/program"])))
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"].startswith("CannotStartContainerError: ")


@pytest.mark.conformance("RunTask", "Many requests at once: each has its task")
def test_many_requests_at_once(fargate: Fargate) -> None:
    definition = fargate.register(fargate.container(command=["exit 0"]))
    arns: list[str] = []
    threads = [
        threading.Thread(target=lambda: arns.append(fargate.run_task(definition)["tasks"][0]["taskArn"]))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(arns)) == 12
    assert {fargate.wait(arn)["containers"][0]["exitCode"] for arn in arns} == {0}


def test_images_are_command_lines(fargate: Fargate) -> None:
    python = fargate.container("python", PYTHON_IMAGE, command=["print(6 * 7)"])
    arn = fargate.run(fargate.container(image=SHELL_IMAGE, command=["sleep 0.5"]), {**python, "essential": False})
    fargate.wait(arn)
    assert fargate.output(arn, "python") == ["42"]


@pytest.mark.conformance("Containers", "An image without a tag is the latest")
def test_latest_is_the_tag_of_an_image_without_one(fargate: Fargate) -> None:
    arn = fargate.run(fargate.container(image=f"{SHELL_IMAGE}:latest", command=["exit 0"]))
    assert fargate.wait(arn)["containers"][0]["exitCode"] == 0


@pytest.mark.conformance("Containers", "Long and odd arguments arrive as they are")
def test_long_and_odd_arguments_arrive_as_they_are(fargate: Fargate) -> None:
    arguments = ["", " a  b ", "é😀", "x" * 50_000, "$HOME '\"\\", "new\nline"]
    script = "import sys, hashlib; print(len(sys.argv) - 1, hashlib.sha256(repr(sys.argv[1:]).encode()).hexdigest())"
    utf8 = [{"name": "PYTHONUTF8", "value": "1"}]
    arn = fargate.run(fargate.container(image=PYTHON_IMAGE, command=[script, *arguments], environment=utf8))
    fargate.wait(arn)
    assert fargate.output(arn) == [f"6 {hashlib.sha256(repr(arguments).encode()).hexdigest()}"]


def test_killing_all_processes_of_the_command_by_name(fargate: Fargate) -> None:
    """As somebody would who wants to see how a job survives it: only the command's own processes match."""
    mark = random_name("mark")
    arn = fargate.run_script(f": {mark}; sleep 300 & wait")
    fargate.wait(arn, "RUNNING")
    found = poll(lambda: [p for p in Path("/proc").glob("[0-9]*") if mark.encode() in command_line(p)])
    for process in found:
        os.kill(int(process.name), signal.SIGKILL)
    assert fargate.wait(arn)["containers"][0]["exitCode"] == 137


def command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
