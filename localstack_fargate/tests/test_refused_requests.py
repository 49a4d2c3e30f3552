"""What the operations on clusters, tasks, tags and task definitions that are there refuse."""

from typing import Any

import pytest

from localstack_fargate.tests.conformance import check_refusal, refused
from localstack_fargate.tests.kit import Fargate, make_client, random_name

pytestmark = pytest.mark.launchers("process")  # what is refused reaches no launcher

INVALID = "InvalidParameterException"
NO_CLUSTER = {"cluster": "no-such-cluster"}
UNKNOWN_TASK = "0" * 32
ID_LENGTH = "taskId length should be one of [32,36]"
NAME = r"ClusterName must match ^[a-zA-Z0-9\-_]{1,255}$"
FARGATE = {"capacityProvider": "FARGATE", "weight": 1}
SPOT = {"capacityProvider": "FARGATE_SPOT", "weight": 1}
PREFIX = "arn:aws:ecs:us-east-1:000000000000"


def row(area: str, operation: str, text: str, code: str, message: str | None = None, **request: Any) -> Any:
    return refused(area, text, code, message, operation=operation, request=request)


def tag(key: str) -> list[dict[str, str]]:
    return [{"key": key, "value": "x"}]


CLUSTERS = [
    row("Clusters", "create_cluster", "cluster name with a space", INVALID, NAME, clusterName="a b"),
    row("Clusters", "create_cluster", "cluster name of 256 characters", INVALID, NAME, clusterName="x" * 256),
    row("Clusters", "create_cluster", "empty cluster name", INVALID, NAME, clusterName=""),
    row(
        "Clusters",
        "create_cluster",
        "cluster with an unknown capacity provider",
        INVALID,
        "The specified capacity provider was not found. Specify a valid capacity provider and try again.",
        capacityProviders=["no-such-provider"],
    ),
    row(
        "Clusters",
        "create_cluster",
        "default strategy of another capacity provider",
        INVALID,
        "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the "
        "cluster. Associate the capacity provider with the cluster or specify a valid capacity provider and try again.",
        capacityProviders=["FARGATE"],
        defaultCapacityProviderStrategy=[SPOT],
    ),
    row(
        "Clusters",
        "create_cluster",
        "default strategy with two bases",
        INVALID,
        "The specified capacity provider strategy contains multiple capacity providers with a base value defined. "
        "Only one capacity provider per strategy can have a base value defined.",
        capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[{**FARGATE, "base": 1}, {**SPOT, "base": 1}],
    ),
    row("Clusters", "create_cluster", "cluster with a tag of AWS", INVALID, tags=tag("aws:x")),
    row(
        "Clusters",
        "delete_cluster",
        "deleting an unknown cluster",
        "ClusterNotFoundException",
        "Cluster not found.",
        **NO_CLUSTER,
    ),
    row("Clusters", "describe_clusters", "101 clusters to describe", INVALID, clusters=["x"] * 101),
    row(
        "Clusters",
        "put_cluster_capacity_providers",
        "capacity providers for an unknown cluster",
        "ClusterNotFoundException",
        "Cluster not found.",
        **NO_CLUSTER,
        capacityProviders=["FARGATE"],
        defaultCapacityProviderStrategy=[],
    ),
]

TASKS = [
    row(
        "DescribeTasks",
        "describe_tasks",
        "unknown cluster",
        "ClusterNotFoundException",
        "Cluster not found.",
        **NO_CLUSTER,
        tasks=[UNKNOWN_TASK],
    ),
    row("DescribeTasks", "describe_tasks", "no tasks", INVALID, "Tasks cannot be empty.", tasks=[]),
    row(
        "DescribeTasks",
        "describe_tasks",
        "101 tasks",
        INVALID,
        "taskIds can have at most 100 items.",
        tasks=[UNKNOWN_TASK] * 101,
    ),
    row("DescribeTasks", "describe_tasks", "task id of another length", INVALID, ID_LENGTH, tasks=["None"]),
    row(
        "StopTask",
        "stop_task",
        "unknown cluster",
        "ClusterNotFoundException",
        "Cluster not found.",
        **NO_CLUSTER,
        task=UNKNOWN_TASK,
    ),
    row("StopTask", "stop_task", "unknown task", INVALID, "The referenced task was not found.", task=UNKNOWN_TASK),
    row("StopTask", "stop_task", "task id of another length", INVALID, ID_LENGTH, task="None"),
    row("StopTask", "stop_task", "reason of 1025 characters", INVALID, task=UNKNOWN_TASK, reason="x" * 1025),
    row("ListTasks", "list_tasks", "unknown cluster", "ClusterNotFoundException", "Cluster not found.", **NO_CLUSTER),
    row("ListTasks", "list_tasks", "maxResults 0", INVALID, maxResults=0),
    row("ListTasks", "list_tasks", "maxResults 101", INVALID, maxResults=101),
    row("ListTasks", "list_tasks", "token that is none", INVALID, nextToken="nonsense"),
    row("ListTasks", "list_tasks", "unknown desired status", INVALID, desiredStatus="DONE"),
    row("ListTasks", "list_tasks", "unknown launch type", INVALID, launchType="LAMBDA"),
    row("ListTasks", "list_tasks", "startedBy of 129 characters", INVALID, startedBy="x" * 129),
    row(
        "ListTasks",
        "list_tasks",
        "family with a forbidden character",
        INVALID,
        r"family must match ^[a-zA-Z0-9\-_]+$",
        family="a@b",
    ),
]

OTHERS = [
    row(
        "DeregisterTaskDefinition",
        "deregister_task_definition",
        "no revision",
        "ClientException",
        taskDefinition="no-such-family",
    ),
    row(
        "DeregisterTaskDefinition",
        "deregister_task_definition",
        "unknown revision",
        "ClientException",
        taskDefinition="no-such-family:1",
    ),
    row(
        "DescribeTaskDefinition",
        "describe_task_definition",
        "unknown family",
        "ClientException",
        "Unable to describe task definition.",
        taskDefinition="no-such-family",
    ),
    row(
        "DescribeTaskDefinition",
        "describe_task_definition",
        "unknown revision",
        "ClientException",
        "Unable to describe task definition.",
        taskDefinition="no-such-family:7",
    ),
    row(
        "DescribeTaskDefinition",
        "describe_task_definition",
        "revision that is no number",
        "ClientException",
        taskDefinition="no-such-family:latest",
    ),
    row("Tags", "tag_resource", "ARN that is none", INVALID, resourceArn="nonsense", tags=tag("x")),
    row(
        "Tags",
        "tag_resource",
        "tagging an unknown cluster",
        "ClusterNotFoundException",
        resourceArn=f"{PREFIX}:cluster/no-such-cluster",
        tags=tag("x"),
    ),
    row(
        "Tags",
        "tag_resource",
        "tagging an unknown task",
        INVALID,
        resourceArn=f"{PREFIX}:task/no-such-cluster/{UNKNOWN_TASK}",
        tags=tag("x"),
    ),
    row(
        "Tags",
        "list_tags_for_resource",
        "tags of an unknown task",
        INVALID,
        resourceArn=f"{PREFIX}:task/no-such-cluster/{UNKNOWN_TASK}",
    ),
    row(
        "Tags",
        "tag_resource",
        "tag key of AWS",
        INVALID,
        resourceArn=f"{PREFIX}:cluster/no-such-cluster",
        tags=tag("aws:x"),
    ),
]

# Operations that take a cluster, so that they do not look into the default one.
OF_A_CLUSTER = ("describe_tasks", "stop_task", "list_tasks")


@pytest.fixture(scope="module")
def ecs(endpoint: str) -> Any:
    return make_client("ecs", endpoint, checking=False)


@pytest.fixture(scope="module")
def cluster(ecs: Any) -> Any:
    name = random_name()
    ecs.create_cluster(clusterName=name)
    yield name
    ecs.delete_cluster(cluster=name)


@pytest.mark.parametrize(("parameters", "code", "message"), [*CLUSTERS, *TASKS, *OTHERS])
def test_refused(ecs: Any, cluster: str, parameters: dict[str, Any], code: str, message: str | None) -> None:
    operation, request = parameters["operation"], parameters["request"]
    if operation in OF_A_CLUSTER:
        request = {"cluster": cluster, **request}
    check_refusal(getattr(ecs, operation), request, code, message)


@pytest.mark.conformance("Tags", "Refused: a 51st tag of a task (`InvalidParameterException`)", wording="unverified")
def test_too_many_tags_in_all(fargate: Fargate) -> None:
    arn = fargate.run_script("exit 0")
    fargate.ecs.tag_resource(resourceArn=arn, tags=[{"key": str(number), "value": "x"} for number in range(50)])
    check_refusal(fargate.ecs.tag_resource, {"resourceArn": arn, "tags": tag("one more")}, INVALID, None)
    assert len(fargate.ecs.list_tags_for_resource(resourceArn=arn)["tags"]) == 50


@pytest.mark.conformance("Clusters", "Refused: deleting a cluster with services (`ClusterContainsServicesException`)")
def test_cluster_with_services_cannot_be_deleted(fargate: Fargate) -> None:
    service = {"cluster": fargate.name, "serviceName": "web"}
    fargate.ecs.create_service(**service, taskDefinition=fargate.register(), desiredCount=0)
    check_refusal(
        fargate.ecs.delete_cluster,
        {"cluster": fargate.name},
        "ClusterContainsServicesException",
        "The Cluster cannot be deleted while Services are active.",
    )
    fargate.ecs.delete_service(cluster=fargate.name, service="web")


@pytest.mark.conformance("DescribeTasks", "A task of another cluster is a failure MISSING; StopTask does not find it")
def test_task_of_another_cluster(fargate: Fargate, ecs: Any, cluster: str) -> None:
    arn = fargate.run_script("sleep 30")
    answer = ecs.describe_tasks(cluster=cluster, tasks=[arn])
    assert (answer["tasks"], answer["failures"]) == ([], [{"arn": arn, "reason": "MISSING"}])
    check_refusal(ecs.stop_task, {"cluster": cluster, "task": arn}, INVALID, "The referenced task was not found.")
    fargate.stop(arn)


def test_cluster_of_another_region(fargate: Fargate) -> None:
    elsewhere = f"arn:aws:ecs:eu-west-1:000000000000:cluster/{fargate.name}"
    request = {"cluster": elsewhere, "definition": fargate.register()}
    check_refusal(fargate.run_task, request, "ClusterNotFoundException", "Cluster not found.")
