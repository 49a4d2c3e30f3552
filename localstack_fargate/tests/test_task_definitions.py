"""Task definitions as ECS keeps and shows them."""

from collections.abc import Iterator
from typing import Any

import pytest

from localstack_fargate.tests.conformance import check_refusal
from localstack_fargate.tests.kit import Definitions, random_name

ROLE = "arn:aws:iam::000000000000:role/tasks"
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html: CPU units, GB of memory
SIZES = [
    *((256, gigabytes) for gigabytes in (0.5, 1, 2)),
    *((512, gigabytes) for gigabytes in range(1, 5)),
    *((1024, gigabytes) for gigabytes in range(2, 9)),
    *((2048, gigabytes) for gigabytes in range(4, 17)),
    *((4096, gigabytes) for gigabytes in range(8, 31)),
    *((8192, gigabytes) for gigabytes in range(16, 61, 4)),
    *((16384, gigabytes) for gigabytes in range(32, 121, 8)),
]


@pytest.fixture
def definitions(endpoint: str) -> Iterator[Definitions]:
    made = Definitions(endpoint)
    yield made
    made.close()


@pytest.mark.conformance("RegisterTaskDefinition", "Every size of AWS's table, from 256 to 16384 CPU units")
def test_fargate_sizes(definitions: Definitions) -> None:
    for cpu, gigabytes in SIZES:
        shown = definitions.register(cpu=str(cpu), memory=f"{gigabytes}GB")["taskDefinition"]
        assert (shown["cpu"], shown["memory"]) == (str(cpu), str(int(gigabytes * 1024)))


@pytest.mark.conformance("RegisterTaskDefinition", "Sizes as text (`.25 vCPU`, `0.5 GB`) become CPU units and MiB")
@pytest.mark.parametrize(("cpu", "memory"), [(".25 vCPU", "0.5GB"), ("0.25vcpu", ".5 gb"), ("256", "512")])
def test_sizes_as_text(definitions: Definitions, cpu: str, memory: str) -> None:
    shown = definitions.register(cpu=cpu, memory=memory)["taskDefinition"]
    assert (shown["cpu"], shown["memory"]) == ("256", "512")


@pytest.mark.conformance("RegisterTaskDefinition", "The answer has ECS's defaults, and DescribeTaskDefinition the same")
def test_defaults(definitions: Definitions) -> None:
    container = {
        "name": "main",
        "image": "example/shell",
        "portMappings": [{"containerPort": 80}],
        "healthCheck": {"command": ["CMD-SHELL", "true"]},
        "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/scratch"}],
    }
    tags = [{"key": "colour", "value": "red"}]
    answer = definitions.register(
        containerDefinitions=[container], volumes=[{"name": "scratch"}], taskRoleArn=ROLE, tags=tags
    )
    shown = answer["taskDefinition"]
    assert answer["tags"] == tags
    assert shown["containerDefinitions"] == [
        {
            **container,
            "cpu": 0,
            "essential": True,
            "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
            "environment": [],
            "volumesFrom": [],
            "systemControls": [],
            "healthCheck": {"command": ["CMD-SHELL", "true"], "interval": 30, "timeout": 5, "retries": 3},
        }
    ]
    assert shown["volumes"] == [{"name": "scratch", "host": {}}]
    assert shown["placementConstraints"] == []
    assert shown["compatibilities"] == ["EC2", "FARGATE"]
    assert {attribute["name"] for attribute in shown["requiresAttributes"]} == {
        "com.amazonaws.ecs.capability.docker-remote-api.1.18",
        "com.amazonaws.ecs.capability.task-iam-role",
        "ecs.capability.container-health-check",
        "ecs.capability.task-eni",
    }
    assert shown["registeredBy"] == "arn:aws:iam::000000000000:root"
    described = definitions.ecs.describe_task_definition(taskDefinition=shown["taskDefinitionArn"], include=["TAGS"])
    assert described["taskDefinition"] == shown
    assert described["tags"] == tags


@pytest.mark.conformance(
    "RegisterTaskDefinition", "`compatibilities`: FARGATE if Fargate could run it, asked for or not"
)
@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ({"requiresCompatibilities": None}, ["EC2", "FARGATE"]),
        ({"requiresCompatibilities": None, "cpu": "300"}, ["EC2"]),
        ({"requiresCompatibilities": ["EC2"], "networkMode": "bridge"}, ["EXTERNAL", "EC2"]),
    ],
    ids=["fits", "no-such-size", "bridge"],
)
def test_compatibilities(definitions: Definitions, definition: dict[str, Any], expected: list[str]) -> None:
    assert definitions.register(**definition)["taskDefinition"]["compatibilities"] == expected


@pytest.mark.conformance("DescribeTaskDefinition", "A family stands for its latest active revision, a number for any")
def test_describe_by_family(definitions: Definitions) -> None:
    family = random_name()
    first, second = (definitions.register(family=family)["taskDefinition"]["taskDefinitionArn"] for _ in range(2))
    describe = definitions.ecs.describe_task_definition
    definitions.ecs.deregister_task_definition(taskDefinition=second)
    assert describe(taskDefinition=family)["taskDefinition"]["taskDefinitionArn"] == first
    assert describe(taskDefinition=second)["taskDefinition"]["status"] == "INACTIVE"
    definitions.ecs.deregister_task_definition(taskDefinition=first)
    check_refusal(describe, {"taskDefinition": family}, "ClientException", "Unable to describe task definition.")
