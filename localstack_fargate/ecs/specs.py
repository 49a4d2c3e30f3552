"""A task in the terms of a launcher."""

from collections.abc import Iterable, Mapping

from ..launchers.base import ContainerSpec, TaskSpec
from .models import Container, Task

CPU_UNITS_PER_VCPU = 1024


def container_spec(task: Task, container: Container, environment: Mapping[str, str]) -> ContainerSpec:
    """The container with its environment and its labels."""
    return ContainerSpec(container.runtime_id, container.definition, environment, container_labels(task, container))


def container_labels(task: Task, container: Container) -> dict[str, str]:
    """The labels that the ECS agent gives a container."""
    return {
        "com.amazonaws.ecs.cluster": task.cluster_arn,
        "com.amazonaws.ecs.container-name": container.name,
        "com.amazonaws.ecs.task-arn": task.arn,
        "com.amazonaws.ecs.task-definition-family": task.definition.family,
        "com.amazonaws.ecs.task-definition-version": str(task.definition.revision),
    }


def task_spec(task: Task, containers: Iterable[ContainerSpec]) -> TaskSpec:
    """The task as a whole, with these containers."""
    return TaskSpec(
        task_id=task.id,
        containers=tuple(containers),
        cpu=int(task.cpu) / CPU_UNITS_PER_VCPU,
        memory=int(task.memory),
        volumes=tuple(volume["name"] for volume in task.definition.volumes),
        architecture=(task.definition.runtime_platform or {}).get("cpuArchitecture", "X86_64"),
        mac_address=task.network.interface.mac_address if task.network and task.network.interface else None,
    )
