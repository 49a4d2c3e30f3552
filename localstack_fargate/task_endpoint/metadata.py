"""Task metadata version 4: what a container can find out about itself and its task.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
"""

from datetime import datetime
from typing import Any

from ..ecs.models import Container, Task

MIB_PER_GIB = 1024


def task_document(task: Task) -> dict[str, Any]:
    """What ``${ECS_CONTAINER_METADATA_URI_V4}/task`` answers."""
    with task.lock:
        return _present(
            {
                "Cluster": task.cluster_arn,
                "TaskARN": task.arn,
                "Family": task.definition.family,
                "Revision": str(task.definition.revision),
                "DesiredStatus": task.desired_status,
                "KnownStatus": task.last_status,
                "Limits": {"CPU": int(task.cpu) / 1024, "Memory": int(task.memory)},
                "PullStartedAt": _time(task.times.get("pullStartedAt")),
                "PullStoppedAt": _time(task.times.get("pullStoppedAt")),
                "AvailabilityZone": task.network.availability_zone if task.network else None,
                "LaunchType": task.launch_type,
                "Containers": [container_document(task, container) for container in task.containers],
                "EphemeralStorageMetrics": {"Utilized": 0, "Reserved": _storage_mib(task)},
            }
        )


def container_document(task: Task, container: Container) -> dict[str, Any]:
    """What ``${ECS_CONTAINER_METADATA_URI_V4}`` answers."""
    definition = container.definition
    logs = definition.get("logConfiguration") or {}
    options = logs.get("options") or {}
    prefix = options.get("awslogs-stream-prefix")
    return _present(
        {
            "DockerId": container.runtime_id,
            "Name": container.name,
            "DockerName": container.name,
            "Image": definition["image"],
            "Labels": {
                "com.amazonaws.ecs.cluster": task.cluster_arn,
                "com.amazonaws.ecs.container-name": container.name,
                "com.amazonaws.ecs.task-arn": task.arn,
                "com.amazonaws.ecs.task-definition-family": task.definition.family,
                "com.amazonaws.ecs.task-definition-version": str(task.definition.revision),
            },
            "DesiredStatus": task.desired_status,
            "KnownStatus": container.last_status,
            "ExitCode": container.exit_code,
            "Limits": _present({"CPU": definition.get("cpu") or 2, "Memory": definition.get("memory")}),
            "CreatedAt": _time(task.times.get("pullStoppedAt")),
            "StartedAt": _time(task.times.get("startedAt")),
            "Type": "NORMAL",
            "LogDriver": logs.get("logDriver"),
            "LogOptions": {**options, "awslogs-stream": f"{prefix}/{container.name}/{task.id}"} if prefix else options,
            "ContainerARN": container.arn,
            "Networks": [],
            "Snapshotter": "overlayfs",
        }
    )


def _storage_mib(task: Task) -> int:
    size: int = task.describe()["ephemeralStorage"]["sizeInGiB"]
    return size * MIB_PER_GIB


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


def _present(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value is not None}
