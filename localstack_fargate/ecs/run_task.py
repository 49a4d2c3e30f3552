"""RunTask: checks a request as ECS does, and makes the tasks it asks for."""

import copy
import hashlib
import json
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .checks.capacity import check_default_weights, check_strategy, distribute
from .checks.fargate_sizes import cpu_units, memory_mib
from .checks.overrides import check_overrides
from .checks.run_task import LATEST, check_execute_command, check_fargate, check_network, check_parameters
from .checks.vpc import check_vpc
from .definitions import Cluster, TaskDefinition, find_cluster, find_task_definition
from .exceptions import ConflictException, InvalidParameterException
from .models import PLATFORM_VERSION, ClientToken, Container, EcsStore, Task, task_arn
from .network import NetworkAttachment
from .not_emulated import ignored_parameters

LOG = logging.getLogger(__name__)

# ContainerOverride's members that replace the container definition's of the same name; its environment is merged.
REPLACED_BY_OVERRIDE = ("command", "cpu", "memory", "memoryReservation", "resourceRequirements", "environmentFiles")


def run_task(
    account_id: str, region: str, store: EcsStore, request: Mapping[str, Any], listener: Callable[[Task], None]
) -> tuple[list[Task], bool]:
    """The tasks for a RunTask request, and whether they are new (not those of an earlier use of its client token).

    ``listener`` is told of each new task before anybody else can find and change it, and of all its changes.
    Raises the errors that ECS answers an invalid request with.
    """
    check_parameters(request)
    cluster = find_cluster(account_id, region, request.get("cluster"))
    definition = find_task_definition(account_id, region, request["taskDefinition"])
    providers = _capacity_providers(request, cluster, definition)
    check_network(request, definition)
    if definition.network_mode == "awsvpc":
        check_vpc(account_id, region, request["networkConfiguration"]["awsvpcConfiguration"])
    check_overrides(request.get("overrides") or {}, definition)
    check_execute_command(request, definition)
    token = request.get("clientToken")
    if token:
        earlier = _earlier_tasks(store, cluster.arn, token, request)
        if earlier is not None:
            return list(earlier), False
    tasks = [_task(account_id, region, cluster.arn, definition, provider, request) for provider in providers]
    if ignored := ", ".join(ignored_parameters(definition)):
        LOG.warning("Not emulated, and without effect on tasks of %s: %s", definition.arn, ignored)
    for task in tasks:
        task.listener = listener
        listener(task)
    if token:
        store.client_tokens[cluster.arn, token] = ClientToken(_digest(request), tuple(tasks))
    store.tasks.update({task.arn: task for task in tasks})
    return tasks, True


def _capacity_providers(
    request: Mapping[str, Any], cluster: Cluster, definition: TaskDefinition
) -> Sequence[str | None]:
    """For each task the name of its capacity provider, None for a plain launch type."""
    strategy = request.get("capacityProviderStrategy") or []
    check_strategy(strategy, cluster.capacity_providers)
    if not strategy and not request.get("launchType"):
        strategy = cluster.default_strategy
        check_default_weights(strategy)
    check_fargate(request, strategy, definition)
    count = int(request.get("count") or 1)
    return distribute(strategy, count) if strategy else [None] * count


def _earlier_tasks(store: EcsStore, cluster_arn: str, token: str, request: Mapping[str, Any]) -> Sequence[Task] | None:
    known = store.find_client_token(cluster_arn, token)
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
    network = None
    if definition.network_mode == "awsvpc":
        network = NetworkAttachment(account_id, region, request["networkConfiguration"]["awsvpcConfiguration"])
    platform_version = str(request.get("platformVersion") or LATEST)
    return Task(
        arn=arn,
        cluster_arn=cluster_arn,
        account_id=account_id,
        region=region,
        definition=definition,
        containers=containers,
        overrides=overrides,
        group=request.get("group") or f"family:{definition.family}",
        cpu=str(cpu_units(overrides.get("cpu") or definition.cpu, InvalidParameterException)),
        memory=str(memory_mib(overrides.get("memory") or definition.memory, InvalidParameterException)),
        capacity_provider_name=provider,
        platform_version=PLATFORM_VERSION if platform_version == LATEST else platform_version,
        started_by=request.get("startedBy"),
        network=network,
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
