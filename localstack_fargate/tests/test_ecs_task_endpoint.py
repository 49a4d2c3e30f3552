"""Credentials of the task role and metadata, as a process in the task finds them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any

import pytest
from docker import APIClient

from localstack_fargate.task_endpoint.credentials import TaskRoleCredentials
from localstack_fargate.tests.kit import PYTHON_IMAGE, Fargate

metadata_row = partial(pytest.mark.conformance, "Task metadata")

IDENTITY = """
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"])
"""

ASK = """
import json, os, urllib.error, urllib.request

def status(url, token):
    try:
        request = urllib.request.Request(url, headers={"Authorization": token})
        return urllib.request.urlopen(request, timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code

url, token = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
print(json.dumps({
    "right": status(url, token),
    "wrong token": status(url, "wrong"),
    "no token": status(url, ""),
    "wrong id": status(url + "x", token),
    "elsewhere": status(url.replace("/v2/", "/v3/"), token),
    "url": url,
}))
"""

# Reads documents of the metadata endpoint: paths are the command's arguments after this.
METADATA = """
import json, os, sys, urllib.error, urllib.request

def read(path):
    try:
        return json.load(urllib.request.urlopen(os.environ["ECS_CONTAINER_METADATA_URI_V4"] + path, timeout=10))
    except urllib.error.HTTPError as error:
        return error.code

for path in sys.argv[1:]:
    print(json.dumps(read(path)))
"""


def run_python(fargate: Fargate, script: str, **definition: Any) -> tuple[str, str]:
    arn = fargate.run(fargate.container(image=PYTHON_IMAGE, command=[script]), **definition)
    fargate.wait(arn, timeout=30)
    return arn, "\n".join(fargate.output(arn))


@pytest.mark.conformance("Credentials", "boto3 in a task is a session of the task role")
def test_boto3_in_a_task_is_the_task_role(fargate: Fargate) -> None:
    arn, output = run_python(fargate, IDENTITY, taskRoleArn=fargate.role_arn)
    assert output == f"arn:aws:sts::000000000000:assumed-role/{fargate.name}/{arn.rsplit('/', 1)[-1]}"


@pytest.mark.conformance("Credentials", "Without a task role there are no credentials")
def test_without_a_task_role_there_are_no_credentials(fargate: Fargate) -> None:
    assert "NoCredentialsError" in run_python(fargate, IDENTITY)[1]


@pytest.mark.conformance("Credentials", "The task role of the overrides")
def test_role_from_the_overrides(fargate: Fargate) -> None:
    definition = fargate.register(fargate.container(image=PYTHON_IMAGE, command=[IDENTITY]))
    role = "arn:aws:iam::000000000000:role/other"
    arn = fargate.run_task(definition, overrides={"taskRoleArn": role})["tasks"][0]["taskArn"]
    fargate.wait(arn, timeout=30)
    assert ":assumed-role/other/" in fargate.output(arn)[0]


@pytest.mark.parametrize(("minutes", "sessions"), [(14, 2), (60, 1)])
def test_a_session_is_renewed_before_its_end(minutes: int, sessions: int) -> None:
    begun: list[dict[str, Any]] = []

    def begin_session() -> dict[str, Any]:
        end = datetime.now(UTC) + timedelta(minutes=minutes)
        begun.append({"AccessKeyId": f"A{len(begun)}", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": end})
        return begun[-1]

    credentials = TaskRoleCredentials("role", begin_session)
    assert credentials.document()["AccessKeyId"] == "A0"
    assert credentials.document()["AccessKeyId"] == f"A{sessions - 1}"
    assert len(begun) == sessions


@pytest.mark.conformance("Credentials", "Nobody else gets a task's credentials")
@pytest.mark.launchers("process")  # on Fargate's own address there is no token
def test_credentials_are_for_their_task_only(fargate: Fargate) -> None:
    _, output = run_python(fargate, ASK, taskRoleArn=fargate.role_arn)
    answers = json.loads(output)
    url = answers.pop("url")
    assert answers == {"right": 200, "wrong token": 403, "no token": 403, "wrong id": 404, "elsewhere": 404}
    # The task has stopped, so its credentials are gone.
    ask_again = ASK.replace('os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]', repr(url))
    _, output = run_python(fargate, ask_again, taskRoleArn=fargate.role_arn)
    assert json.loads(output)["right"] == 404


def read_metadata(
    fargate: Fargate, *paths: str, request: dict[str, Any] | None = None, **definition: Any
) -> tuple[str, list[Any]]:
    """Let a task read these paths of its metadata; returns its ARN and what it read."""
    container = fargate.container(image=PYTHON_IMAGE, command=[METADATA, *paths])
    arn = fargate.run(container | definition.pop("container", {}), request=request, **definition)
    assert fargate.wait(arn, timeout=30)["containers"][0]["exitCode"] == 0, fargate.output(arn)
    return arn, [json.loads(line) for line in fargate.output(arn)]


@pytest.mark.conformance("Credentials", "They are gone with their task")
@pytest.mark.launchers("docker")
def test_credentials_at_fargates_address_are_gone_with_their_task(fargate: Fargate) -> None:
    script = """
import os, sys, urllib.error, urllib.request

def status(path):
    try:
        return urllib.request.urlopen("http://169.254.170.2" + path, timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code

own = os.environ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
print(own, status(own), status(own + "x"), *map(status, sys.argv[1:]))
"""
    definition = {"taskRoleArn": fargate.role_arn}
    first = fargate.run(fargate.container(image=PYTHON_IMAGE, command=[script]), **definition)
    fargate.wait(first)
    path, *statuses = fargate.output(first)[0].split()
    assert statuses == ["200", "404"]
    second = fargate.run(fargate.container(image=PYTHON_IMAGE, command=[script, path]), **definition)
    fargate.wait(second)
    assert fargate.output(second)[0].split()[1:] == ["200", "404", "404"]


@metadata_row("Container: names, image, labels, limits, times, log options")
def test_metadata_of_a_container(fargate: Fargate) -> None:
    more = {"cpu": 64, "memory": 256, "dockerLabels": {"colour": "red"}}
    arn, (container,) = read_metadata(fargate, "", container=more)
    described = fargate.describe(arn)
    shown = described["containers"][0]
    assert (container["DockerId"], container["ContainerARN"]) == (shown["runtimeId"], shown["containerArn"])
    assert (container["Name"], container["DockerName"], container["Image"]) == ("main", "main", PYTHON_IMAGE)
    assert container["Limits"] == {"CPU": 64, "Memory": 256}
    assert (container["DesiredStatus"], container["KnownStatus"], container["Type"]) == ("RUNNING", "RUNNING", "NORMAL")
    assert container["Labels"] == {
        "colour": "red",
        "com.amazonaws.ecs.cluster": described["clusterArn"],
        "com.amazonaws.ecs.container-name": "main",
        "com.amazonaws.ecs.task-arn": arn,
        "com.amazonaws.ecs.task-definition-family": described["taskDefinitionArn"].split("/")[-1].split(":")[0],
        "com.amazonaws.ecs.task-definition-version": "1",
    }
    assert container["LogDriver"] == "awslogs"
    assert container["LogOptions"]["awslogs-stream"] == f"tasks/main/{arn.rsplit('/', 1)[-1]}"
    assert datetime.fromisoformat(container["CreatedAt"]) <= datetime.fromisoformat(container["StartedAt"])
    assert described["pullStoppedAt"] <= datetime.fromisoformat(container["StartedAt"]) <= described["stoppingAt"]
    assert not {"ExitCode", "FinishedAt", "Health"} & set(container)


@metadata_row("Task: definition, status, limits, zone, storage, its containers, and its tags on demand")
def test_metadata_of_a_task(fargate: Fargate) -> None:
    request = {"tags": [{"key": "colour", "value": "red"}]}
    arn, (container, task, with_tags) = read_metadata(fargate, "", "/task", "/taskWithTags", request=request)
    described = fargate.describe(arn)
    assert (task["TaskARN"], task["Cluster"]) == (arn, described["clusterArn"])
    assert (task["Revision"], task["DesiredStatus"], task["LaunchType"]) == ("1", "RUNNING", "FARGATE")
    assert task["Limits"] == {"CPU": 0.25, "Memory": 512}
    assert task["AvailabilityZone"] == described["availabilityZone"]
    assert task["Containers"] == [container]
    assert task["EphemeralStorageMetrics"] == {"Reserved": 20 * 1024}
    assert datetime.fromisoformat(task["PullStoppedAt"]) == described["pullStoppedAt"]
    assert task["ClockDrift"]["ClockErrorBound"] >= 0
    assert task["ClockDrift"]["ClockSynchronizationStatus"] in ("SYNCHRONIZED", "NOT_SYNCHRONIZED")
    assert "TaskTags" not in task
    assert with_tags["TaskTags"] == {"colour": "red"}


@metadata_row("Networks: the task's interface, its subnet and gateway")
@pytest.mark.launchers("process")
def test_network_in_the_metadata(fargate: Fargate, client: Callable[[str], Any]) -> None:
    arn, (container,) = read_metadata(fargate, "")
    (attachment,) = fargate.describe(arn)["attachments"]
    details = {detail["name"]: detail["value"] for detail in attachment["details"]}
    (subnet,) = client("ec2").describe_subnets(SubnetIds=[details["subnetId"]])["Subnets"]
    (vpc,) = client("ec2").describe_vpcs(VpcIds=[subnet["VpcId"]])["Vpcs"]
    address, cidr = details["privateIPv4Address"], ip_network(subnet["CidrBlock"])
    assert container["Networks"] == [
        {
            "NetworkMode": "awsvpc",
            "IPv4Addresses": [address],
            "AttachmentIndex": 0,
            "MACAddress": details["macAddress"],
            "IPv4SubnetCIDRBlock": str(cidr),
            "DomainNameServers": [str(ip_network(vpc["CidrBlock"])[2])],
            "DomainNameSearchList": ["ec2.internal"],
            "PrivateDNSName": f"ip-{address.replace('.', '-')}.ec2.internal",
            "SubnetGatewayIpv4Address": f"{cidr[1]}/{cidr.prefixlen}",
        }
    ]


@pytest.mark.launchers("docker")
def test_network_and_image_are_the_engines(fargate: Fargate, docker: APIClient) -> None:
    script = METADATA + 'print(json.dumps(open("/sys/class/net/eth0/address").read().strip()))\n'
    script += "import socket; print(json.dumps(socket.gethostbyname(socket.gethostname())))"
    arn = fargate.run(fargate.container(image=PYTHON_IMAGE, command=[script, ""]))
    fargate.wait(arn, timeout=30)
    container, mac_address, address = map(json.loads, fargate.output(arn))
    (network,) = container["Networks"]
    assert (network["MACAddress"], network["IPv4Addresses"]) == (mac_address, [address])
    (attachment,) = fargate.describe(arn)["attachments"]
    assert {"name": "macAddress", "value": mac_address} in attachment["details"]
    gateway, subnet = ip_interface(network["SubnetGatewayIpv4Address"]), ip_network(network["IPv4SubnetCIDRBlock"])
    assert gateway.network == subnet
    assert ip_address(address) in subnet
    assert container["ImageID"] == docker.inspect_image(PYTHON_IMAGE)["Id"]


@metadata_row("Health of a container that has a health check")
def test_health_in_the_metadata(fargate: Fargate) -> None:
    wait = "import time\nwhile read('')['Health']['status'] == 'UNKNOWN': time.sleep(0.2)\n"
    script = METADATA.replace("for path", f"{wait}for path")
    check = {"command": ["CMD-SHELL", "exit 0"], "interval": 5}
    arn = fargate.run(fargate.container(image=PYTHON_IMAGE, command=[script, ""], healthCheck=check))
    fargate.wait(arn, timeout=40)
    (health,) = (json.loads(line)["Health"] for line in fargate.output(arn))
    assert health["status"] == "HEALTHY"
    assert datetime.fromisoformat(health["statusSince"]) > fargate.describe(arn)["startedAt"]


@pytest.mark.launchers("docker")
@metadata_row("Statistics of a container and of all containers of the task")
def test_statistics(fargate: Fargate) -> None:
    arn, (first, second, of_task) = read_metadata(fargate, "/stats", "/stats", "/task/stats")
    runtime_id = fargate.describe(arn)["containers"][0]["runtimeId"]
    assert (first["name"], first["id"]) == ("main", runtime_id)
    assert 0 < first["memory_stats"]["usage"] <= first["memory_stats"]["limit"] == 512 * 1024 * 1024
    assert (second["precpu_stats"], second["preread"]) == (first["cpu_stats"], first["read"])
    assert second["cpu_stats"]["cpu_usage"]["total_usage"] > first["cpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert second["network_rate_stats"]["rx_bytes_per_sec"] > 0
    assert list(of_task) == [runtime_id]
    assert of_task[runtime_id]["precpu_stats"] == second["cpu_stats"]


@pytest.mark.launchers("process")
def test_nobody_counts_what_a_process_uses(fargate: Fargate) -> None:
    arn, answers = read_metadata(fargate, "/stats", "/task/stats", "/unknown")
    assert answers == [500, {fargate.describe(arn)["containers"][0]["runtimeId"]: None}, 404]


@metadata_row("A container's metadata shows the others of its task, also those that have ended")
def test_metadata_of_several_containers(fargate: Fargate) -> None:
    first = fargate.container("first", command=["exit 7"], essential=False)
    waits = fargate.container(
        image=PYTHON_IMAGE,
        command=[METADATA, "/task"],
        dependsOn=[{"containerName": "first", "condition": "COMPLETE"}],
    )
    arn = fargate.run(waits, first)
    fargate.wait(arn, timeout=30)
    (task,) = map(json.loads, fargate.output(arn))
    containers = {container["Name"]: container for container in task["Containers"]}
    assert (containers["first"]["KnownStatus"], containers["first"]["ExitCode"]) == ("STOPPED", 7)
    assert containers["first"]["FinishedAt"] <= containers["main"]["StartedAt"]
