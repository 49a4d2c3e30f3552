"""Tasks and their containers: the state that DescribeTasks shows."""

import copy
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localstack.services.stores import AccountRegionBundle, BaseStore, LocalAttribute

from ..launchers.base import RunningContainer
from .definitions import TaskDefinition
from .network import NetworkAttachment

PLATFORM_VERSION = "1.4.0"
KEEP_STOPPED_SECONDS = 3600  # ECS shows stopped tasks for at least an hour
KEEP_CLIENT_TOKEN_SECONDS = 24 * 3600
FORGET_SECONDS = 10  # how often what is too old is looked for: not with each DescribeTasks
FARGATE_EPHEMERAL_STORAGE_GIB = 20


def now() -> datetime:
    """The time to the millisecond, as ECS reports it."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@dataclass
class Container:
    """One container of a task. ``definition`` is the container definition with the overrides applied.

    ``running`` is there from its start until its task is STOPPED, also when it has ended itself; ``started_at`` is the
    moment of its start on the monotonic clock.
    """

    arn: str
    task_arn: str
    runtime_id: str
    definition: dict[str, Any]
    last_status: str = "PENDING"
    health_status: str = "UNKNOWN"
    exit_code: int | None = None
    reason: str | None = None
    running: RunningContainer | None = None
    started_at: float | None = None
    times: dict[str, datetime] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.definition["name"])

    @property
    def essential(self) -> bool:
        return bool(self.definition.get("essential", True))

    @property
    def health_check(self) -> dict[str, Any] | None:
        """Its ``healthCheck``, if it has one: the command ``["NONE"]`` is none."""
        check: dict[str, Any] = self.definition.get("healthCheck") or {}
        return check if check.get("command", ["NONE"])[0] != "NONE" else None

    def describe(self, network_interfaces: list[dict[str, str]]) -> dict[str, Any]:
        """The container as DescribeTasks shows it; its network interfaces are those of its task."""
        definition = self.definition
        shown = {
            "containerArn": self.arn,
            "taskArn": self.task_arn,
            "name": self.name,
            "image": definition["image"],
            "runtimeId": self.runtime_id,
            "lastStatus": self.last_status,
            "exitCode": self.exit_code,
            "reason": self.reason,
            "networkBindings": [],
            "networkInterfaces": network_interfaces,
            "healthStatus": self.health_status,
            "cpu": str(definition.get("cpu") or 0),
            "memory": _text(definition.get("memory")),
            "memoryReservation": _text(definition.get("memoryReservation")),
        }
        return {key: value for key, value in shown.items() if value is not None}


@dataclass(eq=False)  # a task is itself, whatever its state
class Task:
    """A task from RunTask on. Every change goes through ``update``, which counts the version.

    ``listener`` is told of each, in order and while the task is locked: it must not wait for anything.
    """

    arn: str
    cluster_arn: str
    account_id: str
    region: str
    definition: TaskDefinition
    containers: list[Container]
    overrides: dict[str, Any]
    group: str
    cpu: str
    memory: str
    launch_type: str = "FARGATE"
    capacity_provider_name: str | None = None
    platform_version: str = PLATFORM_VERSION
    started_by: str | None = None
    network: NetworkAttachment | None = None
    enable_execute_command: bool = False
    tags: list[dict[str, str]] = field(default_factory=list)
    last_status: str = "PROVISIONING"
    desired_status: str = "RUNNING"
    version: int = 1
    stop_code: str | None = None
    stopped_reason: str | None = None
    times: dict[str, datetime] = field(default_factory=lambda: {"createdAt": now()})
    listener: Callable[["Task"], None] | None = None
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    stopped: threading.Event = field(default_factory=threading.Event, repr=False)
    """Set once the task is STOPPED, for who waits for that in a thread of the emulator."""

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def is_interruptible(self) -> bool:
        """Whether AWS may take its capacity back at any time."""
        return self.capacity_provider_name == "FARGATE_SPOT"

    @property
    def task_role_arn(self) -> str | None:
        return self.overrides.get("taskRoleArn") or self.definition.task_role_arn

    @property
    def execution_role_arn(self) -> str | None:
        return self.overrides.get("executionRoleArn") or self.definition.execution_role_arn

    def update(self, last_status: str | None = None, *times: str) -> None:
        """Move on to ``last_status`` (if given) and note the present as each of ``times``, e.g. "startedAt"."""
        with self.lock:
            self.last_status = last_status or self.last_status
            self.times.update(dict.fromkeys(times, now()))
            self.version += 1
            if self.last_status == "STOPPED":
                self.stopped.set()
            if self.listener is not None:
                self.listener(self)

    def request_stop(self, stop_code: str, reason: str | None) -> bool:
        """Say that the task shall stop, and why. Only the first reason counts; returns whether this was it."""
        with self.lock:
            if self.desired_status == "STOPPED":
                return False
            self.desired_status = "STOPPED"
            self.stop_code = stop_code
            self.stopped_reason = reason
            self.update(None, "stoppingAt")
            return True

    def describe(self, include_tags: bool = False) -> dict[str, Any]:
        """The task as DescribeTasks shows it, all of one moment."""
        with self.lock:
            interfaces = self.network.describe_for_container() if self.network else []
            storage = self.overrides.get("ephemeralStorage") or self.definition.ephemeral_storage
            shown = {
                "attachments": [self.network.describe()] if self.network else [],
                "attributes": [{"name": "ecs.cpu-architecture", "value": self._architecture()}],
                "availabilityZone": self.network.availability_zone if self.network else None,
                "capacityProviderName": self.capacity_provider_name,
                "clusterArn": self.cluster_arn,
                "connectivity": "CONNECTED" if "connectivityAt" in self.times else None,
                "containers": [container.describe(interfaces) for container in self.containers],
                "cpu": self.cpu,
                "desiredStatus": self.desired_status,
                "enableExecuteCommand": self.enable_execute_command,
                "ephemeralStorage": dict(storage or {"sizeInGiB": FARGATE_EPHEMERAL_STORAGE_GIB}),
                "group": self.group,
                "healthStatus": self._health_status(),
                "lastStatus": self.last_status,
                "launchType": self.launch_type,
                "memory": self.memory,
                "overrides": copy.deepcopy(self.overrides),
                "platformFamily": "Linux",
                "platformVersion": self.platform_version,
                "startedBy": self.started_by,
                "stopCode": self.stop_code,
                "stoppedReason": self.stopped_reason,
                "tags": copy.deepcopy(self.tags) if include_tags else [],
                "taskArn": self.arn,
                "taskDefinitionArn": self.definition.arn,
                "version": self.version,
                **self.times,
            }
            return {key: value for key, value in shown.items() if value is not None}

    def _health_status(self) -> str:
        """That of the essential containers together, so far as they have health checks."""
        statuses = [c.health_status for c in self.containers if c.essential and c.health_check]
        if "UNHEALTHY" in statuses:
            return "UNHEALTHY"
        return "HEALTHY" if statuses and set(statuses) == {"HEALTHY"} else "UNKNOWN"

    def _architecture(self) -> str:
        platform = self.definition.runtime_platform or {}
        return "arm64" if platform.get("cpuArchitecture") == "ARM64" else "x86_64"


@dataclass(frozen=True)
class ClientToken:
    """What a client token was first used for: a digest of the request, and the tasks it got."""

    request: str
    tasks: tuple[Task, ...]
    used_at: float = field(default_factory=time.monotonic)

    def is_old(self) -> bool:
        """Whether its time is over, after which it can be used for something else."""
        return time.monotonic() - self.used_at > KEEP_CLIENT_TOKEN_SECONDS


class EcsStore(BaseStore):
    """The tasks of an account in a region, oldest first, and the client tokens by cluster and token."""

    tasks: dict[str, Task] = LocalAttribute(default=dict)
    client_tokens: dict[tuple[str, str], ClientToken] = LocalAttribute(default=dict)
    forget_at: float = LocalAttribute(default=float)  # on the monotonic clock

    def current_tasks(self, cluster_arn: str | None = None) -> list[Task]:
        """The tasks (of a cluster) that ECS still shows."""
        self._forget_what_is_old()
        return [task for task in list(self.tasks.values()) if cluster_arn in (None, task.cluster_arn)]

    def find_task(self, cluster_arn: str, id_or_arn: str) -> Task | None:
        """A task of the cluster by id or ARN."""
        self._forget_what_is_old()
        task = self.tasks.get(task_arn(cluster_arn, id_or_arn))
        return task if task and task.cluster_arn == cluster_arn else None

    def find_client_token(self, cluster_arn: str, token: str) -> ClientToken | None:
        """What a client token was used for in the cluster in the last 24 hours."""
        self._forget_what_is_old()
        used = self.client_tokens.get((cluster_arn, token))
        return None if used is None or used.is_old() else used

    def _forget_what_is_old(self) -> None:
        if time.monotonic() < self.forget_at:
            return
        self.forget_at = time.monotonic() + FORGET_SECONDS
        present = now()
        for arn, task in list(self.tasks.items()):
            stopped_at = task.times.get("stoppedAt")
            if stopped_at and (present - stopped_at).total_seconds() > KEEP_STOPPED_SECONDS:
                self.tasks.pop(arn, None)
        for key, used in list(self.client_tokens.items()):
            if used.is_old():
                self.client_tokens.pop(key, None)


def task_arn(cluster_arn: str, task_id: str) -> str:
    """ARN of the cluster's task with this id; an ARN stays as it is."""
    prefix, _, cluster_name = cluster_arn.partition(":cluster/")
    return task_id if task_id.startswith("arn:") else f"{prefix}:task/{cluster_name}/{task_id}"


def current_task(arn: str) -> Task | None:
    """The task with this ARN, whosever it is, if ECS still shows it."""
    region, account_id = arn.split(":")[3:5]
    return next((task for task in ecs_stores[account_id][region].current_tasks() if task.arn == arn), None)


def count_by_status(tasks: Iterable[Task]) -> tuple[int, int]:
    """How many of the tasks run, and how many are on their way to running."""
    statuses = [task.last_status for task in tasks]
    return statuses.count("RUNNING"), sum(s in ("PROVISIONING", "PENDING", "ACTIVATING") for s in statuses)


def _text(number: object) -> str | None:
    return None if number is None else str(number)


ecs_stores = AccountRegionBundle("ecs", EcsStore)
