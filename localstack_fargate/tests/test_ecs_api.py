"""RunTask's checks, DescribeTasks, ListTasks, tags, and the operations that moto answers."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from localstack_fargate.tests.kit import Fargate, poll, random_name


def error_of(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def definition(fargate: Fargate) -> str:
    return fargate.register(fargate.container(command=["exit 0"]))


@pytest.mark.conformance("RunTask", "A family stands for its latest active revision")
def test_family_stands_for_its_latest_active_revision(fargate: Fargate) -> None:
    family = random_name()
    first, second = (fargate.register(fargate.container(command=["exit 0"]), family=family) for _ in range(2))
    assert fargate.run_task(family)["tasks"][0]["taskDefinitionArn"] == second
    fargate.ecs.deregister_task_definition(taskDefinition=second)
    assert fargate.run_task(family)["tasks"][0]["taskDefinitionArn"] == first


@pytest.mark.conformance("RunTask", "A client token used again answers with the tasks of its first use")
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


@pytest.mark.conformance("ListTasks", "Filters by family, startedBy, launchType and desiredStatus, in pages")
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


@pytest.mark.conformance("DescribeTasks", "By id or ARN; an unknown task is a failure MISSING")
def test_describe_tasks_by_id_and_missing_ones(fargate: Fargate, definition: str) -> None:
    arn = fargate.run_task(definition)["tasks"][0]["taskArn"]
    missing = "0" * 32
    answer = fargate.ecs.describe_tasks(cluster=fargate.name, tasks=[arn.rsplit("/", 1)[-1], missing])
    assert [task["taskArn"] for task in answer["tasks"]] == [arn]
    assert answer["failures"] == [{"arn": arn.rsplit("/", 1)[0] + "/" + missing, "reason": "MISSING"}]
    assert error_of(fargate.ecs.describe_tasks, cluster="no-such-cluster", tasks=[arn])[0] == "ClusterNotFoundException"


@pytest.mark.conformance("StopTask", "Refused: unknown task (`InvalidParameterException`)")
def test_stop_unknown_task(fargate: Fargate) -> None:
    found = error_of(fargate.ecs.stop_task, cluster=fargate.name, task="0" * 32)
    assert found == ("InvalidParameterException", "The referenced task was not found.")


@pytest.mark.conformance("Tags", "Of a task: own, propagated, managed by ECS; added, changed and removed")
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


@pytest.mark.conformance("RunTask", "Capacity provider strategy: first the base, then by weight")
def test_capacity_provider_strategy(fargate: Fargate, definition: str) -> None:
    request = {"cluster": fargate.name, "taskDefinition": definition, "networkConfiguration": fargate.network}
    spot = [{"capacityProvider": "FARGATE_SPOT"}]
    (task,) = fargate.ecs.run_task(**request, capacityProviderStrategy=spot)["tasks"]
    assert (task["launchType"], task["capacityProviderName"]) == ("FARGATE", "FARGATE_SPOT")
    mixed = [
        {"capacityProvider": "FARGATE", "base": 2, "weight": 1},
        {"capacityProvider": "FARGATE_SPOT", "weight": 3},
    ]
    tasks = fargate.ecs.run_task(**request, capacityProviderStrategy=mixed, count=6)["tasks"]
    providers = [task["capacityProviderName"] for task in tasks]
    assert (providers.count("FARGATE"), providers.count("FARGATE_SPOT")) == (3, 3)


@pytest.mark.conformance("RunTask", "Without launch type and strategy the cluster's default strategy is used")
def test_default_capacity_provider_strategy(fargate: Fargate, definition: str) -> None:
    spot = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    fargate.ecs.put_cluster_capacity_providers(
        cluster=fargate.name, capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=spot
    )
    request = {"cluster": fargate.name, "taskDefinition": definition, "networkConfiguration": fargate.network}
    (task,) = fargate.ecs.run_task(**request)["tasks"]
    assert task["capacityProviderName"] == "FARGATE_SPOT"


@pytest.mark.conformance("RunTask", "Overrides of task size: shown in AWS's units")
def test_size_overrides(fargate: Fargate, definition: str) -> None:
    overrides = {"cpu": ".5 vCPU", "memory": "1GB", "ephemeralStorage": {"sizeInGiB": 30}}
    (task,) = fargate.run_task(definition, overrides=overrides)["tasks"]
    assert (task["cpu"], task["memory"], task["ephemeralStorage"]) == ("512", "1024", {"sizeInGiB": 30})


@pytest.mark.conformance("Clusters", "Refused: deleting a cluster with tasks (`ClusterContainsTasksException`)")
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
