"""``AWS::ECS::Cluster`` and ``AWS::ECS::TaskDefinition`` in a stack."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from localstack_fargate.tests.kit import random_name

WAIT = {"Delay": 0.2, "MaxAttempts": 200}


class Stack:
    def __init__(self, client: Callable[[str], Any]) -> None:
        self.name = random_name("stack")
        self._cloudformation = client("cloudformation")

    def create(self, template: dict[str, Any]) -> dict[str, str]:
        self._cloudformation.create_stack(StackName=self.name, TemplateBody=json.dumps(template))
        return self._wait("stack_create_complete")

    def update(self, template: dict[str, Any]) -> dict[str, str]:
        self._cloudformation.update_stack(StackName=self.name, TemplateBody=json.dumps(template))
        return self._wait("stack_update_complete")

    def delete(self) -> None:
        self._cloudformation.delete_stack(StackName=self.name)
        self._cloudformation.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig=WAIT)

    def reason(self, resource: str) -> str:
        """Why the resource could not be created."""
        events = self._cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        (reason,) = (
            event["ResourceStatusReason"]
            for event in events
            if event["LogicalResourceId"] == resource and event["ResourceStatus"] == "CREATE_FAILED"
        )
        return str(reason)

    def _wait(self, event: str) -> dict[str, str]:
        self._cloudformation.get_waiter(event).wait(StackName=self.name, WaiterConfig=WAIT)
        (stack,) = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture
def stack(client: Callable[[str], Any]) -> Iterator[Stack]:
    made = Stack(client)
    yield made
    made.delete()


def template(**changes: Any) -> dict[str, Any]:
    role = "arn:aws:iam::000000000000:role/tasks"
    definition = {
        "Family": changes.pop("Family"),
        "Cpu": 256,
        "Memory": "512",
        "NetworkMode": "awsvpc",
        "RequiresCompatibilities": ["FARGATE"],
        "TaskRoleArn": role,
        "ExecutionRoleArn": {"Fn::Sub": role},
        "RuntimePlatform": {"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"},
        "EphemeralStorage": {"SizeInGiB": "30"},
        "Volumes": [{"Name": "scratch"}],
        "Tags": [{"Key": "Colour", "Value": "red"}],
        "ContainerDefinitions": [
            {
                "Name": "main",
                "Image": "example/shell",
                "Essential": "true",
                "StopTimeout": "5",
                "Command": ["exit 0"],
                "Environment": [{"Name": "CamelCase", "Value": 7}],
                "PortMappings": [{"ContainerPort": "8080"}],
                "MountPoints": [{"SourceVolume": "scratch", "ContainerPath": "/Scratch", "ReadOnly": "false"}],
                "ReadonlyRootFilesystem": True,
                "LinuxParameters": {"InitProcessEnabled": "true"},
                "Ulimits": [{"Name": "nofile", "SoftLimit": "1024", "HardLimit": 2048}],
                "DockerLabels": {"Some.Label": "Value"},
                "LogConfiguration": {
                    "LogDriver": "awslogs",
                    "Options": {
                        "awslogs-group": "/x",
                        "awslogs-region": {"Ref": "AWS::Region"},
                        "awslogs-stream-prefix": "x",
                        "Mode": "non-blocking",
                    },
                },
            }
        ],
        **changes,
    }
    cluster = {"ClusterSettings": [{"Name": "containerInsights", "Value": "disabled"}], "Tags": definition["Tags"]}
    return {
        "Resources": {
            "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": cluster},
            "Definition": {"Type": "AWS::ECS::TaskDefinition", "Properties": definition},
        },
        "Outputs": {
            "Cluster": {"Value": {"Ref": "Cluster"}},
            "ClusterArn": {"Value": {"Fn::GetAtt": ["Cluster", "Arn"]}},
            "Definition": {"Value": {"Ref": "Definition"}},
            "DefinitionArn": {"Value": {"Fn::GetAtt": ["Definition", "TaskDefinitionArn"]}},
        },
    }


@pytest.mark.conformance("CloudFormation", "Clusters and task definitions are created, updated and deleted")
def test_create_update_delete(client: Callable[[str], Any]) -> None:
    ecs = client("ecs")
    stack, family = Stack(client), random_name("family")
    made = stack.create(template(Family=family))
    assert made["ClusterArn"].endswith(f":cluster/{made['Cluster']}")
    assert made["Definition"] == made["DefinitionArn"]
    assert made["Definition"].endswith(f":task-definition/{family}:1")

    changed = stack.update(template(Family=family, Memory="1024"))
    assert changed["Cluster"] == made["Cluster"]
    assert changed["Definition"].endswith(f":task-definition/{family}:2")
    assert status_of(ecs, made["Definition"]) == "INACTIVE"
    assert status_of(ecs, changed["Definition"]) == "ACTIVE"
    assert ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]["memory"] == "1024"

    tags = [{"Key": "Colour", "Value": "blue"}, {"Key": "Size", "Value": "L"}]
    tagged = stack.update(template(Family=family, Memory="1024", Tags=tags))
    assert tagged["Definition"] == changed["Definition"], "tags are changed in place"
    for arn in (tagged["Definition"], tagged["ClusterArn"]):
        listed = ecs.list_tags_for_resource(resourceArn=arn)["tags"]
        assert {tag["key"]: tag["value"] for tag in listed} == {"Colour": "blue", "Size": "L"}

    stack.delete()
    assert status_of(ecs, tagged["Definition"]) == "INACTIVE"
    assert ecs.describe_clusters(clusters=[made["Cluster"]])["clusters"][0]["status"] == "INACTIVE"


def status_of(ecs: Any, definition: str) -> str:
    status: str = ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]["status"]
    return status


@pytest.mark.conformance("CloudFormation", "All properties of a task definition arrive")
def test_properties_round_trip(client: Callable[[str], Any], stack: Stack) -> None:
    arn = stack.create(template(Family=random_name("family")))["Definition"]
    answer = client("ecs").describe_task_definition(taskDefinition=arn, include=["TAGS"])
    definition = answer["taskDefinition"]
    assert (definition["cpu"], definition["memory"], definition["networkMode"]) == ("256", "512", "awsvpc")
    assert definition["requiresCompatibilities"] == ["FARGATE"]
    assert definition["taskRoleArn"] == definition["executionRoleArn"] == "arn:aws:iam::000000000000:role/tasks"
    assert definition["runtimePlatform"] == {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"}
    assert definition["ephemeralStorage"] == {"sizeInGiB": 30}
    assert answer["tags"] == [{"key": "Colour", "value": "red"}]
    container = definition["containerDefinitions"][0]
    expected = {
        "essential": True,
        "stopTimeout": 5,
        "environment": [{"name": "CamelCase", "value": "7"}],
        "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}],
        "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/Scratch", "readOnly": False}],
        "readonlyRootFilesystem": True,
        "linuxParameters": {"initProcessEnabled": True},
        "ulimits": [{"name": "nofile", "softLimit": 1024, "hardLimit": 2048}],
        "dockerLabels": {"Some.Label": "Value"},
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": "/x",
                "awslogs-region": "us-east-1",
                "awslogs-stream-prefix": "x",
                "Mode": "non-blocking",
            },
        },
    }
    assert {key: container[key] for key in expected} == expected


@pytest.mark.conformance("CloudFormation", "Names are made up")
def test_names_are_made_up(client: Callable[[str], Any], stack: Stack) -> None:
    body = template(Family="")
    del body["Resources"]["Definition"]["Properties"]["Family"]
    made = stack.create(body)
    assert made["Cluster"].startswith(f"{stack.name}-Cluster-")
    assert f":task-definition/{stack.name}-Definition-" in made["Definition"]
    assert client("ecs").describe_clusters(clusters=[made["Cluster"]])["clusters"][0]["status"] == "ACTIVE"


@pytest.mark.conformance("CloudFormation", "An unknown property fails the stack")
def test_unknown_property_fails_the_stack(stack: Stack) -> None:
    with pytest.raises(WaiterError, match=r"ROLLBACK|FAILED"):
        stack.create(template(Family=random_name(), Colour="red"))


@pytest.mark.conformance("CloudFormation", "A stack with an invalid task definition fails with ECS's reason")
def test_invalid_definition_fails_the_stack(stack: Stack) -> None:
    with pytest.raises(WaiterError, match=r"ROLLBACK|FAILED"):
        stack.create(template(Family=random_name(), Memory="4096"))
    assert "No Fargate configuration exists for given values: 256 CPU, 4096 memory." in stack.reason("Definition")


@pytest.mark.conformance("CloudFormation", "A stack with an invalid cluster fails with ECS's reason")
def test_invalid_cluster_fails_the_stack(stack: Stack) -> None:
    body = template(Family=random_name())
    body["Resources"]["Cluster"]["Properties"]["CapacityProviders"] = ["no-such-provider"]
    with pytest.raises(WaiterError, match=r"ROLLBACK|FAILED"):
        stack.create(body)
    assert "The specified capacity provider was not found." in stack.reason("Cluster")
