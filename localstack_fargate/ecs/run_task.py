"""RunTask: checks a request as ECS does, and makes the tasks it asks for."""

import copy
import hashlib
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from localstack.services.ec2.models import get_ec2_backend

from .definitions import TaskDefinition, find_cluster_arn, find_task_definition
from .exceptions import ConflictException, InvalidParameterException
from .models import PLATFORM_VERSION, ClientToken, Container, EcsStore, Task, task_arn

MAX_COUNT = 10
FARGATE_PROVIDERS = ("FARGATE", "FARGATE_SPOT")
CLIENT_TOKEN_SECONDS = 24 * 3600
MAX_CLIENT_TOKEN = 64

# ContainerOverride's members that replace the container definition's of the same name; its environment is merged.
REPLACED_BY_OVERRIDE = ("command", "cpu", "memory", "memoryReservation", "resourceRequirements", "environmentFiles")


def run_task(account_id: str, region: str, store: EcsStore, request: Mapping[str, Any]) -> tuple[list[Task], bool]:
    """The tasks for a RunTask request, and whether they are new (not those of an earlier use of its client token).

    Raises the errors that ECS answers an invalid request with.
    """
    cluster_arn = find_cluster_arn(account_id, region, request.get("cluster"))
    count = _count(request)
    definition = find_task_definition(account_id, region, request["taskDefinition"])
    provider = _capacity_provider(request, definition)
    _check_network(request, definition)
    _check_overrides(request, definition)
    token = request.get("clientToken")
    if token:
        earlier = _earlier_tasks(store, cluster_arn, token, request)
        if earlier is not None:
            return list(earlier), False
    tasks = [_task(account_id, region, cluster_arn, definition, provider, request) for _ in range(count)]
    if token:
        store.client_tokens[cluster_arn, token] = ClientToken(_digest(request), tuple(tasks))
    store.tasks.update({task.arn: task for task in tasks})
    return tasks, True


def _count(request: Mapping[str, Any]) -> int:
    count = request.get("count")
    if count is None:
        return 1
    if not 1 <= count <= MAX_COUNT:
        raise InvalidParameterException(f"Tasks count should be between 1 and {MAX_COUNT}.")
    return int(count)


def _capacity_provider(request: Mapping[str, Any], definition: TaskDefinition) -> str | None:
    """Name of the capacity provider, None for a plain launch type; raises if the task could not run on Fargate."""
    strategy = request.get("capacityProviderStrategy")
    launch_type = request.get("launchType")
    if strategy and launch_type:
        raise InvalidParameterException(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )
    provider = str(strategy[0]["capacityProvider"]) if strategy else None
    if (provider and provider not in FARGATE_PROVIDERS) or (not provider and launch_type != "FARGATE"):
        raise InvalidParameterException("No Container Instances were found in your cluster.")
    if "FARGATE" not in definition.requires_compatibilities:
        raise InvalidParameterException("Task definition does not support launch_type FARGATE.")
    return provider


def _check_network(request: Mapping[str, Any], definition: TaskDefinition) -> None:
    if definition.network_mode != "awsvpc":
        return
    vpc = (request.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if not vpc:
        raise InvalidParameterException(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    if not vpc.get("subnets"):
        raise InvalidParameterException("subnets can not be empty.")


def _check_overrides(request: Mapping[str, Any], definition: TaskDefinition) -> None:
    names = {container["name"] for container in definition.containers}
    for override in (request.get("overrides") or {}).get("containerOverrides") or ():
        if not override.get("name"):
            raise InvalidParameterException("Container override must have a name.")
        if override["name"] not in names:
            raise InvalidParameterException(
                f"Override for container named {override['name']} is not a container in the TaskDefinition."
            )


def _earlier_tasks(store: EcsStore, cluster_arn: str, token: str, request: Mapping[str, Any]) -> Sequence[Task] | None:
    if len(token) > MAX_CLIENT_TOKEN:
        raise InvalidParameterException(f"clientToken must be at most {MAX_CLIENT_TOKEN} characters long.")
    for key, used in list(store.client_tokens.items()):
        if time.monotonic() - used.used_at > CLIENT_TOKEN_SECONDS:
            del store.client_tokens[key]
    known = store.client_tokens.get((cluster_arn, token))
    if known is None:
        return None
    if known.request != _digest(request):
        raise ConflictException([task.arn for task in known.tasks])
    return known.tasks


def _digest(request: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()


def _task(
    account_id: str,
    region: str,
    cluster_arn: str,
    definition: TaskDefinition,
    provider: str | None,
    request: Mapping[str, Any],
) -> Task:
    cluster_name = cluster_arn.rsplit("/", 1)[-1]
    task_id = uuid.uuid4().hex
    prefix = cluster_arn.partition(":cluster/")[0]
    arn = task_arn(cluster_arn, task_id)
    overrides = copy.deepcopy(dict(request.get("overrides") or {}))
    given = {override["name"]: override for override in overrides.get("containerOverrides") or ()}
    overrides["containerOverrides"] = [given.get(c["name"], {"name": c["name"]}) for c in definition.containers]
    overrides.setdefault("inferenceAcceleratorOverrides", [])
    containers = [
        Container(
            arn=f"{prefix}:container/{cluster_name}/{task_id}/{uuid.uuid4()}",
            task_arn=arn,
            runtime_id=f"{task_id}-{uuid.uuid4().int % 10**10:010d}",  # Fargate's form
            definition=_overridden(container, given.get(container["name"], {})),
        )
        for container in definition.containers
    ]
    platform_version = str(request.get("platformVersion") or "LATEST")
    return Task(
        arn=arn,
        cluster_arn=cluster_arn,
        account_id=account_id,
        region=region,
        definition=definition,
        containers=containers,
        overrides=overrides,
        group=request.get("group") or f"family:{definition.family}",
        cpu=str(overrides.get("cpu") or definition.cpu),
        memory=str(overrides.get("memory") or definition.memory),
        capacity_provider_name=provider,
        platform_version=PLATFORM_VERSION if platform_version == "LATEST" else platform_version,
        started_by=request.get("startedBy"),
        availability_zone=_availability_zone(account_id, region, request),
        enable_execute_command=bool(request.get("enableExecuteCommand")),
        tags=_tags(definition, cluster_name, request),
    )


def _overridden(definition: dict[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    replaced = {key: override[key] for key in REPLACED_BY_OVERRIDE if override.get(key) is not None}
    environment = {v["name"]: v for v in [*(definition.get("environment") or ()), *(override.get("environment") or ())]}
    return copy.deepcopy({**definition, **replaced, "environment": list(environment.values())})


def _tags(definition: TaskDefinition, cluster_name: str, request: Mapping[str, Any]) -> list[dict[str, str]]:
    tags: dict[str, str] = {}
    if request.get("propagateTags") == "TASK_DEFINITION":
        tags.update({tag["key"]: tag.get("value", "") for tag in definition.tags})
    tags.update({tag["key"]: tag.get("value", "") for tag in request.get("tags") or ()})
    if request.get("enableECSManagedTags"):
        tags["aws:ecs:clusterName"] = cluster_name
    return [{"key": key, "value": value} for key, value in tags.items()]


def _availability_zone(account_id: str, region: str, request: Mapping[str, Any]) -> str:
    """The zone of the first subnet, so far as EC2 knows it."""
    vpc = (request.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    wanted = next(iter(vpc.get("subnets") or ()), None)
    for zone, subnets in get_ec2_backend(account_id, region).subnets.items():
        if wanted in subnets:
            return str(zone)
    return f"{region}a"
