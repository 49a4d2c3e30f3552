"""What RunTask refuses."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from localstack_fargate.tests.conformance import check_refusal
from localstack_fargate.tests.conformance import refused as refused_row
from localstack_fargate.tests.kit import Fargate, make_client, random_name

pytestmark = pytest.mark.launchers("process")  # what is refused reaches no launcher

refused = partial(refused_row, "RunTask")

INVALID = "InvalidParameterException"
SUBNET = "subnet-12345678"  # there is none, which is not looked at before the rest


def vpc(**configuration: Any) -> dict[str, Any]:
    return {"networkConfiguration": {"awsvpcConfiguration": {"subnets": [SUBNET], **configuration}}}


def containers(*overrides: dict[str, Any]) -> dict[str, Any]:
    return {"overrides": {"containerOverrides": list(overrides)}}


def strategy(*items: dict[str, Any]) -> dict[str, Any]:
    return {"launchType": None, "capacityProviderStrategy": list(items)}


def tags(*keys: str, value: str = "x") -> dict[str, Any]:
    return {"tags": [{"key": key, "value": value} for key in keys]}


FARGATE = {"capacityProvider": "FARGATE", "weight": 1}
SPOT = {"capacityProvider": "FARGATE_SPOT", "weight": 1}
NOT_ASSOCIATED = (
    "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the "
    "cluster. Associate the capacity provider with the cluster or specify a valid capacity provider and try again."
)
NO_INSTANCES = "No Container Instances were found in your cluster."

PARAMETERS = [
    refused("unknown cluster", "ClusterNotFoundException", "Cluster not found.", cluster="no-such-cluster"),
    refused(
        "cluster of another account",
        INVALID,
        "AccountIDs mismatch",
        cluster="arn:aws:ecs:us-east-1:111111111111:cluster/x",
    ),
    refused(
        "cluster ARN that is none",
        INVALID,
        "Invalid identifier: Unexpected number of separators",
        cluster="arn:aws:ecs:us-east-1:000000000000:cluster/arn:aws:ecs:us-east-1:000000000000:cluster/x",
    ),
    refused(
        "task definition of another account",
        INVALID,
        "AccountIDs mismatch",
        taskDefinition="arn:aws:ecs:us-east-1:111111111111:task-definition/x:1",
    ),
    refused("unknown family", "ClientException", "TaskDefinition not found.", taskDefinition="no-such-family"),
    refused("unknown revision", "ClientException", "TaskDefinition not found.", taskDefinition="no-such-family:3"),
    refused("empty task definition", INVALID, "Task Definition can not be blank.", taskDefinition=""),
    refused("count 0", INVALID, count=0),
    refused("count 11", INVALID, count=11),
    refused("negative count", INVALID, count=-1),
    refused("client token of 65 characters", INVALID, clientToken="x" * 65),
    refused("startedBy of 129 characters", INVALID, "startedBy longer than 128.", startedBy="x" * 129),
    refused("startedBy with a forbidden character", INVALID, startedBy="me?"),
    refused("group with a namespace", INVALID, "Invalid namespace for group.", group="service:web"),
    refused("group of 256 characters", INVALID, group="x" * 256),
    refused("unknown launch type", INVALID, launchType="LAMBDA"),
    refused("launch type EC2 without instances", INVALID, NO_INSTANCES, launchType="EC2"),
    refused("no launch type without a default strategy", INVALID, NO_INSTANCES, launchType=None),
    refused(
        "platform version with launch type EC2",
        INVALID,
        "The platform version must be null when specifying an EC2 launch type.",
        launchType="EC2",
        platformVersion="1.4.0",
    ),
    refused("unknown platform version", "PlatformUnknownException", platformVersion="9.9.9"),
    refused(
        "ECS Exec without a task role",
        INVALID,
        "The execute command failed because a valid task role is not being used. "
        "Specify a valid task role in your task definition or as a task override and try again.",
        enableExecuteCommand=True,
    ),
    refused(
        "placement constraints on Fargate",
        INVALID,
        "Placement constraints are not supported with FARGATE launch type.",
        placementConstraints=[{"type": "distinctInstance"}],
    ),
    refused(
        "placement strategy on Fargate",
        INVALID,
        "Placement strategies are not supported with FARGATE launch type.",
        placementStrategy=[{"type": "random"}],
    ),
    refused("unknown value of propagateTags", INVALID, propagateTags="ALL"),
    refused("propagateTags from a service", INVALID, propagateTags="SERVICE"),
]

NETWORKS = [
    refused(
        "no network configuration",
        INVALID,
        "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        networkConfiguration={},
    ),
    refused("no subnets", INVALID, "subnets can not be empty.", **vpc(subnets=[])),
    refused("17 subnets", INVALID, "subnets can have at most 16 items.", **vpc(subnets=[SUBNET] * 17)),
    refused(
        "6 security groups",
        INVALID,
        "securityGroups can have at most 5 items.",
        **vpc(securityGroups=[f"sg-{number}" for number in range(6)]),
    ),
    refused("unknown value of assignPublicIp", INVALID, **vpc(assignPublicIp="MAYBE")),
]

CAPACITY = [
    refused(
        "launch type and capacity provider strategy",
        INVALID,
        "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        capacityProviderStrategy=[FARGATE],
    ),
    refused(
        "unknown capacity provider",
        INVALID,
        NOT_ASSOCIATED,
        **strategy({"capacityProvider": "no-such-provider", "weight": 1}),
    ),
    refused(
        "two capacity providers with a base",
        INVALID,
        "There are multiple capacity providers in the specified capacity provider strategy with a base value greater "
        "than zero. Only one capacity provider can have a base value greater than zero. Specify a valid capacity "
        "provider strategy and try again.",
        **strategy({**FARGATE, "base": 1}, {**SPOT, "base": 1}),
    ),
    refused(
        "capacity providers without a weight",
        INVALID,
        "There are no capacity providers in the capacity provider strategy with a weight value greater than zero. "
        "Specify a weight value greater than zero for at least one capacity provider and try again.",
        **strategy({**FARGATE, "weight": 0}, {**SPOT, "weight": 0}),
    ),
    refused("21 capacity providers", INVALID, **strategy(*[FARGATE] * 21)),
    refused("the same capacity provider twice", INVALID, **strategy(FARGATE, FARGATE)),
    refused("weight 1001", INVALID, **strategy({**FARGATE, "weight": 1001})),
    refused("base 100001", INVALID, **strategy({**FARGATE, "base": 100_001})),
]

OVERRIDES = [
    refused(
        "override of an unknown container",
        INVALID,
        "Override for container named other is not a container in the TaskDefinition.",
        **containers({"name": "other"}),
    ),
    refused("override without a container name", INVALID, **containers({"command": ["exit 0"]})),
    refused("two overrides of a container", INVALID, **containers({"name": "main"}, {"name": "main"})),
    refused(
        "overrides of more than 8192 characters",
        INVALID,
        "Container Overrides length must be at most 8192",
        **containers({"name": "main", "command": ["x" * 8192]}),
    ),
    refused("CPU override that Fargate does not have", INVALID, overrides={"cpu": "300"}),
    refused("CPU override that is no number", INVALID, overrides={"cpu": "lots"}),
    refused("memory override that does not go with the CPU", INVALID, overrides={"memory": "4096"}),
    refused("container memory override over the task's", INVALID, **containers({"name": "main", "memory": 513})),
    refused("container CPU override over the task's", INVALID, **containers({"name": "main", "cpu": 257})),
    refused(
        "memory override under the reservation",
        INVALID,
        **containers({"name": "main", "memory": 128, "memoryReservation": 256}),
    ),
    refused("ephemeral storage override of 20 GiB", INVALID, overrides={"ephemeralStorage": {"sizeInGiB": 20}}),
    refused("ephemeral storage override of 201 GiB", INVALID, overrides={"ephemeralStorage": {"sizeInGiB": 201}}),
]

TAGS = [
    refused("51 tags", INVALID, **tags(*[str(number) for number in range(51)])),
    refused("tag key of 129 characters", INVALID, **tags("x" * 129)),
    refused("empty tag key", INVALID, **tags("")),
    refused("tag value of 257 characters", INVALID, **tags("colour", value="x" * 257)),
    refused("tag key of AWS", INVALID, **tags("aws:colour")),
    refused("tag with a forbidden character", INVALID, **tags("colour?")),
    refused("the same tag key twice", INVALID, **tags("colour", "colour")),
]


@pytest.fixture(scope="module")
def cluster(endpoint: str) -> Iterator[Fargate]:
    """A cluster that stays empty."""
    made = Fargate(endpoint)
    yield made
    made.close()


@pytest.fixture(scope="module")
def run_task(endpoint: str) -> Any:
    return make_client("ecs", endpoint, checking=False).run_task


@pytest.fixture(scope="module")
def definition(cluster: Fargate) -> str:
    return cluster.register(cluster.container(command=["exit 0"]))


@pytest.mark.parametrize(("request_", "code", "message"), [*PARAMETERS, *NETWORKS, *CAPACITY, *OVERRIDES, *TAGS])
def test_refused(
    cluster: Fargate, run_task: Any, definition: str, request_: dict[str, Any], code: str, message: str | None
) -> None:
    parameters = {
        "cluster": cluster.name,
        "taskDefinition": definition,
        "launchType": "FARGATE",
        "networkConfiguration": cluster.network,
        **request_,
    }
    given = {name: value for name, value in parameters.items() if value is not None}
    check_refusal(run_task, given, code, message)
    assert cluster.ecs.list_tasks(cluster=cluster.name)["taskArns"] == []


@pytest.mark.conformance("RunTask", "Refused: deleted cluster (`ClusterNotFoundException`)")
def test_refused_by_a_deleted_cluster(cluster: Fargate, definition: str) -> None:
    name = random_name()
    cluster.ecs.create_cluster(clusterName=name)
    cluster.ecs.delete_cluster(cluster=name)
    request = {"definition": definition, "cluster": name}
    check_refusal(cluster.run_task, request, "ClusterNotFoundException", "The referenced cluster was inactive.")


@pytest.mark.conformance("RunTask", "Refused: deregistered task definition (`ClientException`)")
def test_refused_with_a_deregistered_definition(cluster: Fargate) -> None:
    arn = cluster.register()
    cluster.ecs.deregister_task_definition(taskDefinition=arn)
    check_refusal(cluster.run_task, {"definition": arn}, "ClientException", "TaskDefinition is inactive")
    family = arn.rsplit("/", 1)[-1].partition(":")[0]
    check_refusal(cluster.run_task, {"definition": family}, "ClientException", "TaskDefinition not found.")


@pytest.mark.conformance("RunTask", "Refused: task definition for EC2 only (`InvalidParameterException`)")
def test_refused_with_a_definition_for_ec2(cluster: Fargate) -> None:
    arn = cluster.register({"name": "main", "image": "x"}, requiresCompatibilities=["EC2"], networkMode="bridge")
    check_refusal(
        cluster.run_task, {"definition": arn}, INVALID, "Task definition does not support launch_type FARGATE."
    )


@pytest.mark.conformance(
    "RunTask", "Refused: capacity provider that the cluster does not have (`InvalidParameterException`)"
)
def test_refused_by_a_cluster_without_the_capacity_provider(cluster: Fargate, definition: str) -> None:
    name = random_name()
    cluster.ecs.create_cluster(clusterName=name, capacityProviders=["FARGATE"])
    request = {"taskDefinition": definition, "cluster": name, "networkConfiguration": cluster.network}
    check_refusal(cluster.ecs.run_task, {**request, "capacityProviderStrategy": [SPOT]}, INVALID, NOT_ASSOCIATED)
    cluster.ecs.delete_cluster(cluster=name)


@pytest.mark.conformance("RunTask", "Refused: client token used before with other parameters (`ConflictException`)")
def test_refused_client_token(fargate: Fargate) -> None:
    definition = fargate.register(fargate.container(command=["exit 0"]))
    token = random_name()
    arns = [task["taskArn"] for task in fargate.run_task(definition, clientToken=token)["tasks"]]
    check_refusal(
        fargate.run_task, {"definition": definition, "clientToken": token, "count": 2}, "ConflictException", None
    )
    with pytest.raises(fargate.ecs.exceptions.ConflictException) as caught:
        fargate.run_task(definition, clientToken=token, startedBy="me")
    assert caught.value.response["resourceIds"] == arns
