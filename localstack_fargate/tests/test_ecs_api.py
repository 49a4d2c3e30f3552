"""RunTask's checks, DescribeTasks, ListTasks, tags, and the operations that moto answers."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from localstack_fargate.tests.kit import NETWORK, Fargate, poll, random_name


def error_of(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def definition(fargate: Fargate) -> str:
    return fargate.register(fargate.container(command=["exit 0"]))


INVALID = [
    ({"cluster": "no-such-cluster"}, "ClusterNotFoundException", "Cluster not found."),
    ({"definition": "no-such-family"}, "ClientException", "TaskDefinition not found."),
    ({"definition": "no-such-family:3"}, "ClientException", "TaskDefinition not found."),
    ({"count": 0}, "InvalidParameterException", None),
    ({"count": 11}, "InvalidParameterException", None),
    (
        {"networkConfiguration": {}},
        "InvalidParameterException",
        "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
    ),
    (
        {"overrides": {"containerOverrides": [{"name": "other"}]}},
        "InvalidParameterException",
        "Override for container named other is not a container in the TaskDefinition.",
    ),
    ({"launchType": "EC2"}, "InvalidParameterException", "No Container Instances were found in your cluster."),
    ({"clientToken": "x" * 65}, "InvalidParameterException", None),
]


@pytest.mark.parametrize(("request_", "code", "message"), INVALID, ids=lambda value: str(value)[:40])
def test_invalid_requests(fargate: Fargate, definition: str, request_: dict[str, Any], code: str, message: str) -> None:
    found = error_of(fargate.run_task, **{"definition": definition, **request_})
    assert found[0] == code
    assert message in (None, found[1])
    assert fargate.ecs.list_tasks(cluster=fargate.name)["taskArns"] == []


def test_inactive_definition_and_cluster(fargate: Fargate, definition: str) -> None:
    fargate.ecs.deregister_task_definition(taskDefinition=definition)
    assert error_of(fargate.run_task, definition=definition) == ("ClientException", "TaskDefinition is inactive")
    cluster = random_name()
    fargate.ecs.create_cluster(clusterName=cluster)
    fargate.ecs.delete_cluster(cluster=cluster)
    assert error_of(fargate.run_task, definition=definition, cluster=cluster) == (
        "ClusterNotFoundException",
        "The referenced cluster was inactive.",
    )


def test_definition_for_ec2_only(fargate: Fargate) -> None:
    definition = fargate.register(requiresCompatibilities=["EC2"])
    assert error_of(fargate.run_task, definition=definition) == (
        "InvalidParameterException",
        "Task definition does not support launch_type FARGATE.",
    )


def test_family_stands_for_its_latest_active_revision(fargate: Fargate) -> None:
    family = random_name()
    first, second = (fargate.register(fargate.container(command=["exit 0"]), family=family) for _ in range(2))
    assert fargate.run_task(family)["tasks"][0]["taskDefinitionArn"] == second
    fargate.ecs.deregister_task_definition(taskDefinition=second)
    assert fargate.run_task(family)["tasks"][0]["taskDefinitionArn"] == first


def test_client_token(fargate: Fargate, definition: str) -> None:
    token = random_name()
    first = fargate.run_task(definition, clientToken=token, count=2)["tasks"]
    again = fargate.run_task(definition, clientToken=token, count=2)["tasks"]
    assert [task["taskArn"] for task in again] == [task["taskArn"] for task in first]
    with pytest.raises(ClientError) as caught:
        fargate.run_task(definition, clientToken=token, count=1)
    assert caught.value.response["Error"]["Code"] == "ConflictException"
    assert caught.value.response["resourceIds"] == [task["taskArn"] for task in first]
    assert len(all_tasks(fargate)) == 2


def all_tasks(fargate: Fargate) -> set[str]:
    listed: set[str] = set()  # a task may stop between the two requests
    for status in ("RUNNING", "STOPPED"):
        listed.update(fargate.ecs.list_tasks(cluster=fargate.name, desiredStatus=status)["taskArns"])
    return listed


def test_list_tasks_filters_and_pages(fargate: Fargate) -> None:
    family = random_name()
    definition = fargate.register(fargate.container(command=["sleep 30"]), family=family)
    arns = [task["taskArn"] for task in fargate.run_task(definition, count=3, startedBy="me")["tasks"]]
    other = fargate.run_task(fargate.register(fargate.container(command=["sleep 30"])))["tasks"][0]["taskArn"]
    list_tasks = fargate.ecs.list_tasks
    assert list_tasks(cluster=fargate.name)["taskArns"] == [*arns, other]
    assert list_tasks(cluster=fargate.name, family=family)["taskArns"] == arns
    assert list_tasks(cluster=fargate.name, startedBy="me")["taskArns"] == arns
    assert list_tasks(cluster=fargate.name, launchType="EC2")["taskArns"] == []
    assert list_tasks(cluster=fargate.name, desiredStatus="STOPPED")["taskArns"] == []
    pages = fargate.ecs.get_paginator("list_tasks").paginate(cluster=fargate.name, PaginationConfig={"PageSize": 3})
    assert [page["taskArns"] for page in pages] == [arns, [other]]
    fargate.ecs.stop_task(cluster=fargate.name, task=arns[1])
    assert list_tasks(cluster=fargate.name, desiredStatus="STOPPED")["taskArns"] == [arns[1]]
    assert error_of(list_tasks, cluster=fargate.name, nextToken="nonsense")[0] == "InvalidParameterException"


def test_describe_tasks_by_id_and_missing_ones(fargate: Fargate, definition: str) -> None:
    arn = fargate.run_task(definition)["tasks"][0]["taskArn"]
    missing = "0" * 32
    answer = fargate.ecs.describe_tasks(cluster=fargate.name, tasks=[arn.rsplit("/", 1)[-1], missing])
    assert [task["taskArn"] for task in answer["tasks"]] == [arn]
    assert answer["failures"] == [{"arn": arn.rsplit("/", 1)[0] + "/" + missing, "reason": "MISSING"}]
    assert error_of(fargate.ecs.describe_tasks, cluster="no-such-cluster", tasks=[arn])[0] == "ClusterNotFoundException"


def test_stop_unknown_task(fargate: Fargate) -> None:
    found = error_of(fargate.ecs.stop_task, cluster=fargate.name, task="0" * 32)
    assert found == ("InvalidParameterException", "The referenced task was not found.")


def test_task_attributes_and_tags(fargate: Fargate) -> None:
    tags = [{"key": "from", "value": "definition"}, {"key": "colour", "value": "red"}]
    definition = fargate.register(fargate.container(command=["exit 0"]), tags=tags)
    request = {"startedBy": "me", "group": "batch", "propagateTags": "TASK_DEFINITION", "enableECSManagedTags": True}
    task = fargate.run_task(definition, tags=[{"key": "colour", "value": "blue"}], **request)["tasks"][0]
    arn = task["taskArn"]
    assert (task["startedBy"], task["group"], task["launchType"]) == ("me", "batch", "FARGATE")
    assert (task["cpu"], task["memory"], task["platformVersion"]) == ("256", "512", "1.4.0")
    expected = {"from": "definition", "colour": "blue", "aws:ecs:clusterName": fargate.name}
    assert {tag["key"]: tag["value"] for tag in fargate.describe(arn, include=["TAGS"])["tags"]} == expected
    assert fargate.describe(arn)["tags"] == []
    fargate.ecs.tag_resource(resourceArn=arn, tags=[{"key": "colour", "value": "green"}])
    fargate.ecs.untag_resource(resourceArn=arn, tagKeys=["from"])
    listed = fargate.ecs.list_tags_for_resource(resourceArn=arn)["tags"]
    assert {tag["key"]: tag["value"] for tag in listed} == {"colour": "green", "aws:ecs:clusterName": fargate.name}


def test_capacity_provider_instead_of_launch_type(fargate: Fargate, definition: str) -> None:
    answer = fargate.ecs.run_task(
        cluster=fargate.name,
        taskDefinition=definition,
        networkConfiguration=NETWORK,
        capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT"}],
    )
    task = answer["tasks"][0]
    assert (task["launchType"], task["capacityProviderName"]) == ("FARGATE", "FARGATE_SPOT")


def test_cluster_with_tasks_cannot_be_deleted(fargate: Fargate) -> None:
    arn = fargate.run_script("sleep 30")
    fargate.wait(arn, "RUNNING")
    cluster = fargate.ecs.describe_clusters(clusters=[fargate.name])["clusters"][0]
    assert (cluster["runningTasksCount"], cluster["pendingTasksCount"]) == (1, 0)
    found = error_of(fargate.ecs.delete_cluster, cluster=fargate.name)
    assert found == ("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
    fargate.stop(arn)
    poll(lambda: fargate.ecs.describe_clusters(clusters=[fargate.name])["clusters"][0]["runningTasksCount"] == 0)


def test_other_operations_are_motos(fargate: Fargate, definition: str) -> None:
    shown = fargate.ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]
    assert shown["taskDefinitionArn"] == definition
    assert fargate.name in str(fargate.ecs.list_clusters()["clusterArns"])
    family = shown["family"]
    assert fargate.ecs.list_task_definitions(familyPrefix=family)["taskDefinitionArns"] == [definition]
    assert family in fargate.ecs.list_task_definition_families(familyPrefix=family)["families"]
