"""What the tests share: an emulator to start, and a cluster with tasks to run in it."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

PR_SET_PDEATHSIG = 1
START_TIMEOUT_SECONDS = 90
REGION = "us-east-1"
SHELL_IMAGE = "example/shell"  # mapped to `sh -c`: a task's command is a shell script
PYTHON_IMAGE = "example/python"  # mapped to `python -c`, with boto3


def random_name(prefix: str = "test") -> str:
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def poll[T](probe: Callable[[], T], timeout: float = 20, what: str = "") -> T:
    """The first true answer of ``probe``."""
    deadline = time.monotonic() + timeout
    while True:
        answer = probe()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {timeout} s in vain for {what or probe}, last answer {answer!r}"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether there is such a process, other than a zombie."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@cache
def make_client(service: str, endpoint: str, checking: bool = True, region: str = REGION) -> Any:
    """A client of the emulated account; one that is not ``checking`` sends what boto3 itself would refuse."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(parameter_validation=checking),
    )


@cache
def default_network(endpoint: str) -> dict[str, Any]:
    """A ``networkConfiguration``: a subnet of the default VPC."""
    subnets = make_client("ec2", endpoint).describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])
    return {"awsvpcConfiguration": {"subnets": [subnets["Subnets"][0]["SubnetId"]]}}


def interrupt_spot_task(endpoint: str, task_arn: str) -> int:
    """Ask for a Spot interruption; returns the HTTP status."""
    return _post(f"{endpoint}/_aws/ecs/tasks/{task_arn.rsplit('/', 1)[-1]}/spot-interruption")


def refuse_run_task(endpoint: str, *reasons: str) -> int:
    """Have the next calls of RunTask refused; returns the HTTP status."""
    return _post(f"{endpoint}/_aws/ecs/run-task-refusals", json.dumps({"reasons": reasons}).encode())


def _post(url: str, body: bytes = b"") -> int:
    request = urllib.request.Request(url, body, method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@dataclass(frozen=True)
class Emulator:
    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_localstack/init/ready", timeout=2) as answer:  # noqa: S310
                return bool(json.load(answer)["completed"])
        except OSError:
            return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_parent() -> None:
    """Let the kernel send a SIGTERM if the process of the tests is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@contextlib.contextmanager
def emulator(root: Path, **settings: str) -> Iterator[Emulator]:
    """A LocalStack process with nothing but this extension; it is started, not necessarily ready."""
    port = free_port()
    log = root / "localstack.log"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "OVERRIDE_IN_DOCKER": "0",  # else, in a development container, its files would lie where all others' do
        "DNS_ADDRESS": "0",
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "FILESYSTEM_ROOT": str(root / "files"),
        "LOCALSTACK_VOLUME_DIR": str(root / "volume"),
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "FARGATE_LAUNCHER": "process",
        "FARGATE_PROCESS_IMAGES": json.dumps({SHELL_IMAGE: ["sh", "-c"], PYTHON_IMAGE: [sys.executable, "-c"]}),
        "FARGATE_MAX_TASKS": "2",
        "AWS_SECRET_ACCESS_KEY": "the-emulators-own",
        **settings,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "localstack.runtime.main"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
    try:
        yield Emulator(f"http://127.0.0.1:{port}", process, log)
    finally:
        process.send_signal(signal.SIGTERM)  # does nothing if it has ended
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def definition_request(**definition: Any) -> dict[str, Any]:
    """Parameters of RegisterTaskDefinition: for Fargate, of its smallest size, with this added; None takes one away."""
    parameters = {
        "family": random_name(),
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [{"name": "main", "image": SHELL_IMAGE}],
        **definition,
    }
    return {name: value for name, value in parameters.items() if value is not None}


class Definitions:
    """Task definitions that ``close`` deregisters."""

    def __init__(self, endpoint: str) -> None:
        self.ecs = make_client("ecs", endpoint)
        self._arns: list[str] = []

    def register(self, **definition: Any) -> dict[str, Any]:
        """Register a definition; returns the answer."""
        answer: dict[str, Any] = self.ecs.register_task_definition(**definition_request(**definition))
        self._arns.append(answer["taskDefinition"]["taskDefinitionArn"])
        return answer

    def close(self) -> None:
        for arn in self._arns:
            self.ecs.deregister_task_definition(taskDefinition=arn)


class Fargate:
    """A cluster of its own, with a log group and a task role; ``close`` removes all that was made through it."""

    def __init__(self, endpoint: str) -> None:
        self.ecs, self.logs, self.iam = (make_client(service, endpoint) for service in ("ecs", "logs", "iam"))
        self.network = default_network(endpoint)
        self.name = random_name()
        self.log_group = f"/test/{self.name}"
        self._definitions = Definitions(endpoint)
        self.logs.create_log_group(logGroupName=self.log_group)
        self.ecs.create_cluster(clusterName=self.name, capacityProviders=["FARGATE", "FARGATE_SPOT"])
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
        role = self.iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(trust))
        self.role_arn = role["Role"]["Arn"]

    def close(self) -> None:
        for arn in self.ecs.list_tasks(cluster=self.name)["taskArns"]:
            self.ecs.stop_task(cluster=self.name, task=arn)
        self._definitions.close()
        poll(self._delete_cluster, timeout=45, what="the end of the tasks")
        self.logs.delete_log_group(logGroupName=self.log_group)
        self.iam.delete_role(RoleName=self.name)

    def _delete_cluster(self) -> bool:
        try:
            self.ecs.delete_cluster(cluster=self.name)
        except self.ecs.exceptions.ClusterContainsTasksException:
            return False
        return True

    def container(self, name: str = "main", image: str = SHELL_IMAGE, **definition: Any) -> dict[str, Any]:
        options = {"awslogs-group": self.log_group, "awslogs-region": REGION, "awslogs-stream-prefix": "tasks"}
        logs = {"logDriver": "awslogs", "options": options}
        # A shell that is a container's first process does not hear SIGTERM: half a minute is too long for a test.
        return {"name": name, "image": image, "logConfiguration": logs, "stopTimeout": 2, **definition}

    def register(self, *containers: dict[str, Any], **definition: Any) -> str:
        """Register a task definition; returns its ARN."""
        own = {"executionRoleArn": self.role_arn, "containerDefinitions": list(containers or [self.container()])}
        arn: str = self._definitions.register(**{**own, **definition})["taskDefinition"]["taskDefinitionArn"]
        return arn

    def run(self, *containers: dict[str, Any], request: dict[str, Any] | None = None, **definition: Any) -> str:
        """Run one task of a definition with these containers; returns its ARN."""
        answer = self.run_task(self.register(*containers, **definition), **(request or {}))
        assert answer["failures"] == []
        (task,) = answer["tasks"]
        arn: str = task["taskArn"]
        return arn

    def run_script(self, script: str, **definition: Any) -> str:
        """Run a task with one container that runs a shell script; returns the task's ARN."""
        return self.run(self.container(command=[script], **definition))

    def run_task(self, definition: str, **request: Any) -> Any:
        defaults = {"cluster": self.name, "networkConfiguration": self.network}
        if "capacityProviderStrategy" not in request:
            defaults["launchType"] = "FARGATE"
        return self.ecs.run_task(taskDefinition=definition, **{**defaults, **request})

    def describe(self, arn: str, **request: Any) -> dict[str, Any]:
        (task,) = self.ecs.describe_tasks(cluster=self.name, tasks=[arn], **request)["tasks"]
        shown: dict[str, Any] = task
        return shown

    def wait(self, arn: str, status: str = "STOPPED", timeout: float = 20) -> dict[str, Any]:
        """Wait until the task has the status; returns it."""

        def has_status() -> dict[str, Any] | None:
            task = self.describe(arn)
            return task if task["lastStatus"] == status else None

        task = poll(has_status, timeout, f"{arn} {status}")
        assert task is not None
        return task

    def stop(self, arn: str, **request: Any) -> dict[str, Any]:
        """StopTask, and wait for the task's end."""
        self.ecs.stop_task(cluster=self.name, task=arn, **request)
        return self.wait(arn)

    def wait_for_output(self, arn: str, container: str = "main") -> list[str]:
        """Wait for the first lines of the container."""

        def lines() -> list[str]:
            try:
                return self.output(arn, container)
            except self.logs.exceptions.ResourceNotFoundException:
                return []  # the task has not got as far as having a log stream

        return poll(lines, what=f"output of {container} of {arn}")

    def output(self, arn: str, container: str = "main") -> list[str]:
        """All lines that the container wrote."""
        stream = f"tasks/{container}/{arn.rsplit('/', 1)[-1]}"
        lines: list[str] = []
        request = {"logGroupName": self.log_group, "logStreamName": stream, "startFromHead": True}
        while True:
            answer = self.logs.get_log_events(**request)
            lines += [event["message"] for event in answer["events"]]
            if answer["nextForwardToken"] == request.get("nextToken"):
                return lines
            request["nextToken"] = answer["nextForwardToken"]
