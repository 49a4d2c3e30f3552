"""Task metadata version 4: what a container can find out about itself and its task.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
"""

import ipaddress
from datetime import datetime
from typing import Any

from ..ecs.models import Container, Task
from ..ecs.network import NetworkInterface, private_dns_name, subnet_address
from ..ecs.specs import CPU_UNITS_PER_VCPU, container_labels
from ..launchers.base import ContainerFacts, NetworkFacts
from .clock import clock_drift

MIB_PER_GIB = 1024
LEAST_CPU_SHARES = 2  # Linux's, for a container that reserves none
ROUTER, DNS_SERVER = 1, 2  # which of a subnet's, and of a VPC's, addresses they have


def task_document(task: Task, with_tags: bool = False) -> dict[str, Any]:
    """What ``${ECS_CONTAINER_METADATA_URI_V4}/task`` answers, and ``/taskWithTags``."""
    containers = [container_document(task, container) for container in task.containers]
    with task.lock:
        return _present(
            {
                "Cluster": task.cluster_arn,
                "TaskARN": task.arn,
                "Family": task.definition.family,
                "Revision": str(task.definition.revision),
                "DesiredStatus": task.desired_status,
                "KnownStatus": task.last_status,
                "Limits": {"CPU": int(task.cpu) / CPU_UNITS_PER_VCPU, "Memory": int(task.memory)},
                "PullStartedAt": _time(task.times.get("pullStartedAt")),
                "PullStoppedAt": _time(task.times.get("pullStoppedAt")),
                "AvailabilityZone": task.network.availability_zone if task.network else None,
                "LaunchType": task.launch_type,
                "Containers": containers,
                "ClockDrift": clock_drift(),
                "EphemeralStorageMetrics": {"Reserved": task.describe()["ephemeralStorage"]["sizeInGiB"] * MIB_PER_GIB},
                "TaskTags": {tag["key"]: tag["value"] for tag in task.tags} if with_tags else None,
            }
        )


def container_document(task: Task, container: Container) -> dict[str, Any]:
    """What ``${ECS_CONTAINER_METADATA_URI_V4}`` answers."""
    definition = container.definition
    running = container.running  # once, for the task may end meanwhile
    facts = running.facts() if running else None
    logs = definition.get("logConfiguration") or {}
    options = logs.get("options") or {}
    prefix = options.get("awslogs-stream-prefix")
    return _present(
        {
            "DockerId": container.runtime_id,
            "Name": container.name,
            "DockerName": container.name,
            "Image": definition["image"],
            "ImageID": (facts and facts.image_id) or None,
            "Labels": {**(definition.get("dockerLabels") or {}), **container_labels(task, container)},
            "DesiredStatus": task.desired_status,
            "KnownStatus": container.last_status,
            "ExitCode": container.exit_code,
            "Limits": _present({"CPU": definition.get("cpu") or LEAST_CPU_SHARES, "Memory": definition.get("memory")}),
            "CreatedAt": _time(container.times.get("startedAt")),
            "StartedAt": _time(container.times.get("startedAt")),
            "FinishedAt": _time(container.times.get("finishedAt")),
            "Type": "NORMAL",
            "Health": _health(container),
            "LogDriver": logs.get("logDriver"),
            "LogOptions": {**options, "awslogs-stream": f"{prefix}/{container.name}/{task.id}"} if prefix else options,
            "ContainerARN": container.arn,
            "Networks": _networks(task, facts),
            "Snapshotter": "overlayfs",
        }
    )


def _health(container: Container) -> dict[str, Any] | None:
    if container.health_check is None:
        return None
    return _present({"status": container.health_status, "statusSince": _time(container.times.get("healthChangedAt"))})


def _networks(task: Task, facts: ContainerFacts | None) -> list[dict[str, Any]]:
    """The task's interface: as the container has it, if its runtime knows, otherwise as EC2 has it."""
    interface = task.network.interface if task.network else None
    if interface is None:
        return []
    return [_interface_of_runtime(facts.network) if facts and facts.network else _interface_of_ec2(interface, task)]


def _interface_of_runtime(network: NetworkFacts) -> dict[str, Any]:
    prefix_length = ipaddress.ip_network(network.ipv4_subnet).prefixlen
    return {
        "NetworkMode": "awsvpc",
        "IPv4Addresses": [network.ipv4_address],
        "AttachmentIndex": 0,
        "MACAddress": network.mac_address,
        "IPv4SubnetCIDRBlock": network.ipv4_subnet,
        "SubnetGatewayIpv4Address": f"{network.ipv4_gateway}/{prefix_length}",
    }


def _interface_of_ec2(interface: NetworkInterface, task: Task) -> dict[str, Any]:
    address, subnet = interface.private_ipv4_address, interface.subnet_cidr
    name = private_dns_name(address, task.region)
    return {
        "NetworkMode": "awsvpc",
        "IPv4Addresses": [address],
        "AttachmentIndex": 0,
        "MACAddress": interface.mac_address,
        "IPv4SubnetCIDRBlock": subnet,
        "DomainNameServers": [subnet_address(interface.vpc_cidr, DNS_SERVER)],
        "DomainNameSearchList": [name.partition(".")[2]],
        "PrivateDNSName": name,
        "SubnetGatewayIpv4Address": f"{subnet_address(subnet, ROUTER)}/{ipaddress.ip_network(subnet).prefixlen}",
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


def _present(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value is not None}
