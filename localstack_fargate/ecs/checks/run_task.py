"""RunTask's parameters, one by one and against the task definition."""

from collections.abc import Mapping
from typing import Any

from ..definitions import TaskDefinition
from ..exceptions import (
    InvalidParameterException,
    PlatformTaskDefinitionIncompatibilityException,
    PlatformUnknownException,
)
from .capacity import FARGATE_PROVIDERS, Strategy, check_launch_type
from .tags import check_tags
from .tasks import check_started_by
from .values import check_items, check_one_of

MAX_COUNT = 10
MAX_CLIENT_TOKEN = 64
MAX_GROUP = 255
MAX_SUBNETS = 16
MAX_SECURITY_GROUPS = 5
PROPAGATE_TAGS = ("TASK_DEFINITION", "SERVICE", "NONE")
ASSIGN_PUBLIC_IP = ("ENABLED", "DISABLED")
LATEST = "LATEST"
PLATFORM_VERSIONS = (LATEST, "1.4.0", "1.3.0")


def check_parameters(request: Mapping[str, Any]) -> None:
    """Raise for a parameter that can be seen to be wrong without looking anything up."""
    if not request.get("taskDefinition"):
        raise InvalidParameterException("Task Definition can not be blank.")
    count = request.get("count")
    if count is not None and not 1 <= count <= MAX_COUNT:
        raise InvalidParameterException(f"Tasks count should be between 1 and {MAX_COUNT}.")
    if len(request.get("clientToken") or "") > MAX_CLIENT_TOKEN:
        raise InvalidParameterException(f"clientToken must be at most {MAX_CLIENT_TOKEN} characters long.")
    check_started_by(request.get("startedBy"))
    _check_group(request.get("group") or "")
    check_tags(request.get("tags"))
    check_one_of(request.get("propagateTags"), PROPAGATE_TAGS, "propagateTags")
    if request.get("propagateTags") == "SERVICE":
        raise InvalidParameterException("Tags can only be propagated from the service by CreateService.")
    check_launch_type(request)


def _check_group(group: str) -> None:
    if len(group) > MAX_GROUP:
        raise InvalidParameterException(f"group longer than {MAX_GROUP}.")
    if ":" in group:  # the names that ECS gives: family:…, service:…
        raise InvalidParameterException("Invalid namespace for group.")


def check_fargate(request: Mapping[str, Any], strategy: Strategy, definition: TaskDefinition) -> None:
    """Raise if the task could not run on Fargate, which is all that there is: no cluster has instances."""
    on_fargate = all(item["capacityProvider"] in FARGATE_PROVIDERS for item in strategy)
    if not on_fargate or not (strategy or request.get("launchType") == "FARGATE"):
        if request.get("platformVersion"):
            raise InvalidParameterException("The platform version must be null when specifying an EC2 launch type.")
        raise InvalidParameterException("No Container Instances were found in your cluster.")
    if "FARGATE" not in definition.compatibilities:
        raise InvalidParameterException("Task definition does not support launch_type FARGATE.")
    if request.get("placementConstraints"):
        raise InvalidParameterException("Placement constraints are not supported with FARGATE launch type.")
    if request.get("placementStrategy"):
        raise InvalidParameterException("Placement strategies are not supported with FARGATE launch type.")
    version = request.get("platformVersion") or LATEST
    if version not in PLATFORM_VERSIONS:
        raise PlatformUnknownException
    if version == "1.3.0" and definition.ephemeral_storage:
        raise PlatformTaskDefinitionIncompatibilityException


def check_network(request: Mapping[str, Any], definition: TaskDefinition) -> None:
    """Raise if the network configuration is not one for the definition's network mode."""
    vpc = (request.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if definition.network_mode != "awsvpc":
        if vpc:
            raise InvalidParameterException(
                "Network Configuration is not valid for the given networkMode of this task definition."
            )
        return
    if not vpc:
        raise InvalidParameterException(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    subnets, groups = vpc.get("subnets") or (), vpc.get("securityGroups") or ()
    if not subnets:
        raise InvalidParameterException("subnets can not be empty.")
    check_items(subnets, MAX_SUBNETS, "subnets", InvalidParameterException)
    check_items(groups, MAX_SECURITY_GROUPS, "securityGroups", InvalidParameterException)
    check_one_of(vpc.get("assignPublicIp"), ASSIGN_PUBLIC_IP, "assignPublicIp")


def check_execute_command(request: Mapping[str, Any], definition: TaskDefinition) -> None:
    """Raise if ECS Exec is asked for and the task has no role to do it with."""
    role = (request.get("overrides") or {}).get("taskRoleArn") or definition.task_role_arn
    if request.get("enableExecuteCommand") and not role:
        raise InvalidParameterException(
            "The execute command failed because a valid task role is not being used. "
            "Specify a valid task role in your task definition or as a task override and try again."
        )
