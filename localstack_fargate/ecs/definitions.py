"""Clusters and task definitions, which moto keeps, as plain values of our own."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name
from moto.ecs.models import EC2ContainerServiceBackend, ecs_backends

from .checks.identifiers import resource_name
from .exceptions import ClientException, ClusterNotFoundException

DEFAULT_CLUSTER = "default"
TASK_DEFINITION_UNKNOWN = "Unable to describe task definition."


@dataclass(frozen=True)
class Cluster:
    """What RunTask has to know of a cluster."""

    arn: str
    capacity_providers: tuple[str, ...]
    default_strategy: list[dict[str, Any]]


@dataclass(frozen=True)
class TaskDefinition:
    """One revision, copied so that nothing that happens to it later changes a task made from it."""

    arn: str
    family: str
    revision: int
    containers: list[dict[str, Any]]
    cpu: str | None
    memory: str | None
    network_mode: str
    compatibilities: tuple[str, ...]
    task_role_arn: str | None
    execution_role_arn: str | None
    ephemeral_storage: Mapping[str, Any] | None
    runtime_platform: Mapping[str, str] | None
    volumes: tuple[Mapping[str, Any], ...] = ()
    tags: list[dict[str, str]] = field(default_factory=list)
    pid_mode: str | None = None
    proxy_configuration: Mapping[str, Any] | None = None


def find_cluster_arn(account_id: str, region: str, name_or_arn: str | None) -> str:
    """ARN of an active cluster, by default the one named "default"; raises ``ClusterNotFoundException``."""
    return find_cluster(account_id, region, name_or_arn).arn


def find_cluster(account_id: str, region: str, name_or_arn: str | None) -> Cluster:
    """An active cluster, by default the one named "default"; raises ``ClusterNotFoundException``.

    An ARN that is none, or of another account, raises ``InvalidParameterException``.
    """
    name = resource_name(account_id, region, name_or_arn or DEFAULT_CLUSTER)
    cluster = _backend(account_id, region).clusters.get(name or "")
    if cluster is None:
        raise ClusterNotFoundException
    if cluster.status != "ACTIVE":
        raise ClusterNotFoundException("The referenced cluster was inactive.")
    return Cluster(
        arn=cluster.arn,
        capacity_providers=tuple(cluster.capacity_providers or ()),
        default_strategy=copy.deepcopy(cluster.default_capacity_provider_strategy or []),
    )


def find_task_definition(account_id: str, region: str, reference: str) -> TaskDefinition:
    """The active task definition that a family, ``family:revision`` or ARN stands for.

    A family stands for its latest active revision. Raises ``ClientException`` if there is none, and
    ``InvalidParameterException`` for an ARN that is none, or of another account.
    """
    family, _, revision = (resource_name(account_id, region, reference) or "").partition(":")
    if revision and not revision.isdecimal():
        raise ClientException(f"Invalid revision number. Number: {revision}")
    number = int(revision) if revision else latest_active_revision(account_id, region, family)
    found = None if number is None else _revisions(account_id, region, family).get(number)
    if found is not None and found.status != "ACTIVE":
        raise ClientException("TaskDefinition is inactive")
    if found is None:
        raise ClientException("TaskDefinition not found.")
    return TaskDefinition(
        arn=found.arn,
        family=found.family,
        revision=found.revision,
        containers=copy.deepcopy(found.container_definitions),
        cpu=found.cpu,
        memory=found.memory,
        network_mode=found.network_mode or "bridge",
        compatibilities=tuple(found.compatibilities),
        task_role_arn=getattr(found, "task_role_arn", None),  # moto sets these two only when they were given
        execution_role_arn=getattr(found, "execution_role_arn", None),
        ephemeral_storage=copy.deepcopy(found.ephemeral_storage),
        runtime_platform=copy.deepcopy(found.runtime_platform),
        volumes=tuple(copy.deepcopy(found.volumes or [])),
        tags=copy.deepcopy(found.tags or []),
        pid_mode=found.pid_mode,
        proxy_configuration=copy.deepcopy(found.proxy_configuration),
    )


def latest_active_revision(account_id: str, region: str, family: str) -> int | None:
    """Number of the newest revision of the family that was not deregistered."""
    revisions = _revisions(account_id, region, family).items()
    return max((number for number, definition in revisions if definition.status == "ACTIVE"), default=None)


def add_details(account_id: str, region: str, family: str, revision: int, details: Mapping[str, Any]) -> None:
    """Let moto describe the revision with these members of the API's TaskDefinition, too."""
    definition = _revisions(account_id, region, family)[revision]
    for member, value in details.items():
        setattr(definition, xform_name(member), value)  # moto's answers are made of attributes of these names


def own_capacity_providers(account_id: str, region: str) -> list[str]:
    """Names of the capacity providers that were created in the account."""
    return list(_backend(account_id, region).capacity_providers)


def has_services(account_id: str, region: str, cluster_arn: str) -> bool:
    """Whether a service of the cluster is active."""
    services = _backend(account_id, region).services.values()
    return any(service.cluster_arn == cluster_arn and service.status == "ACTIVE" for service in services)


def _revisions(account_id: str, region: str, family: str) -> Mapping[int, Any]:
    revisions: Mapping[int, Any] = _backend(account_id, region).task_definitions.get(family, {})
    return revisions


def _backend(account_id: str, region: str) -> EC2ContainerServiceBackend:
    return ecs_backends[account_id][region]
