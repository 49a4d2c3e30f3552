"""What ECS adds to a task definition when it is registered."""

from collections.abc import Mapping
from typing import Any

from .checks.fargate import ECR_IMAGE
from .checks.fargate_sizes import cpu_units, memory_mib
from .exceptions import ClientException

CONTAINER: dict[str, Any] = {
    "cpu": 0,
    "portMappings": [],
    "essential": True,
    "environment": [],
    "mountPoints": [],
    "volumesFrom": [],
    "systemControls": [],
}
HEALTH_CHECK = {"interval": 30, "timeout": 5, "retries": 3}
SAME_PORT_MODES = ("awsvpc", "host")


def with_defaults(request: Mapping[str, Any]) -> dict[str, Any]:
    """A valid RegisterTaskDefinition request as ECS keeps it: sizes in numbers, defaults written out."""
    complete = dict(request)
    if request.get("cpu"):
        complete["cpu"] = str(cpu_units(request["cpu"], ClientException))
    if request.get("memory"):
        complete["memory"] = str(memory_mib(request["memory"], ClientException))
    mode = request.get("networkMode")
    complete["containerDefinitions"] = [_container(container, mode) for container in request["containerDefinitions"]]
    complete["volumes"] = [{"host": {}, **v} if v.keys() == {"name"} else v for v in request.get("volumes") or ()]
    return complete


def _container(container: Mapping[str, Any], network_mode: str | None) -> dict[str, Any]:
    given = {key: value for key, value in container.items() if value is not None}
    complete = {**CONTAINER, **given}
    complete["portMappings"] = [_port_mapping(mapping, network_mode) for mapping in complete["portMappings"]]
    if "healthCheck" in complete:
        complete["healthCheck"] = {**HEALTH_CHECK, **complete["healthCheck"]}
    return complete


def _port_mapping(mapping: Mapping[str, Any], network_mode: str | None) -> dict[str, Any]:
    complete = {"protocol": "tcp", **mapping}
    if "containerPort" in mapping and not mapping.get("hostPort"):
        complete["hostPort"] = mapping["containerPort"] if network_mode in SAME_PORT_MODES else 0
    return complete


def required_attributes(definition: Mapping[str, Any]) -> list[dict[str, str]]:
    """``requiresAttributes``: what an instance would have to be able to do."""
    return [{"name": name} for name in sorted(_attribute_names(definition))]


def _attribute_names(definition: Mapping[str, Any]) -> set[str]:
    names = {"com.amazonaws.ecs.capability.docker-remote-api.1.18"}
    if definition.get("networkMode") == "awsvpc":
        names.add("ecs.capability.task-eni")
    if definition.get("taskRoleArn"):
        names.add("com.amazonaws.ecs.capability.task-iam-role")
    for container in definition["containerDefinitions"]:
        names |= _container_attribute_names(container, bool(definition.get("executionRoleArn")))
    return names


def _container_attribute_names(container: Mapping[str, Any], has_execution_role: bool) -> set[str]:
    names = set()
    driver = (container.get("logConfiguration") or {}).get("logDriver")
    if driver:
        names |= {
            f"com.amazonaws.ecs.capability.logging-driver.{driver}",
            "com.amazonaws.ecs.capability.docker-remote-api.1.19",
        }
    if driver == "awslogs" and has_execution_role:
        names.add("ecs.capability.execution-role-awslogs")
    if ECR_IMAGE.fullmatch(container["image"]):
        names.add("com.amazonaws.ecs.capability.ecr-auth")
        if has_execution_role:
            names.add("ecs.capability.execution-role-ecr-pull")
    for secret in container.get("secrets") or ():
        source = "asm" if ":secretsmanager:" in secret["valueFrom"] else "ssm"
        names.add(f"ecs.capability.secrets.{source}.environment-variables")
    for key, name in (
        ("dependsOn", "ecs.capability.container-ordering"),
        ("healthCheck", "ecs.capability.container-health-check"),
        ("environmentFiles", "ecs.capability.env-files.s3"),
    ):
        if container.get(key):
            names.add(name)
    return names
