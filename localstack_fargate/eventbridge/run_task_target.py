"""Lets EventBridge rules run tasks: LocalStack's own target for ECS does nothing but raise an error.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
"""

import inspect
import logging
from collections.abc import Mapping
from typing import Any

from localstack.services.events.models import ValidationException
from localstack.services.events.target import TargetSender, TargetSenderFactory

LOG = logging.getLogger(__name__)

MAX_STARTED_BY = 128

# EcsParameters' member → RunTask's. The tags and the network configuration differ in more than the first letter.
SAME_IN_RUN_TASK = {
    "TaskDefinitionArn": "taskDefinition",
    "TaskCount": "count",
    "LaunchType": "launchType",
    "PlatformVersion": "platformVersion",
    "Group": "group",
    "CapacityProviderStrategy": "capacityProviderStrategy",
    "EnableECSManagedTags": "enableECSManagedTags",
    "EnableExecuteCommand": "enableExecuteCommand",
    "PlacementConstraints": "placementConstraints",
    "PlacementStrategy": "placementStrategy",
    "PropagateTags": "propagateTags",
    "ReferenceId": "referenceId",
}
OVERRIDES = (
    "containerOverrides",
    "cpu",
    "memory",
    "ephemeralStorage",
    "executionRoleArn",
    "taskRoleArn",
    "inferenceAcceleratorOverrides",
)


class RunTaskTarget(TargetSender):
    """Runs a task for each event. A target's input, or what its input transformer makes, are RunTask's overrides."""

    def send_event(self, event: Any, trace_header: Any) -> None:
        """Called by LocalStack for each event; it logs what this raises."""
        del trace_header
        answer = self.client.run_task(**run_task_request(self.target, self.rule_name, event))
        if answer["failures"]:
            raise RuntimeError(f"RunTask for rule {self.rule_name} failed: {answer['failures']}")

    def _validate_input(self, target: Mapping[str, Any]) -> None:
        super()._validate_input(target)
        if not target.get("RoleArn"):
            raise ValidationException(f"RoleArn is required for target {target['Arn']}.")
        if not target.get("EcsParameters"):
            raise ValidationException(f"Parameter(s) EcsParameters must be specified for target: {target['Id']}.")


def install() -> None:
    """Take the place of LocalStack's target, if that still is as we know it; otherwise say so and leave it alone."""
    found = tuple(inspect.signature(TargetSenderFactory.target_map["ecs"].send_event).parameters)
    if found != ("self", "event", "trace_header"):
        LOG.error("EventBridge rules will NOT run tasks: this LocalStack's send_event takes %s", found)
        return
    TargetSenderFactory.register_target_sender("ecs", RunTaskTarget)


def run_task_request(target: Mapping[str, Any], rule_name: str, event: Any) -> dict[str, Any]:
    """The RunTask request for a target (of the API's shape) and the event as it reaches the target."""
    parameters = target["EcsParameters"]
    request = {theirs: parameters[ours] for ours, theirs in SAME_IN_RUN_TASK.items() if ours in parameters}
    if vpc := (parameters.get("NetworkConfiguration") or {}).get("awsvpcConfiguration"):
        request["networkConfiguration"] = {
            "awsvpcConfiguration": {name[0].lower() + name[1:]: value for name, value in vpc.items()}
        }
    if tags := parameters.get("Tags"):
        request["tags"] = [{"key": tag["Key"], "value": tag["Value"]} for tag in tags]
    if isinstance(event, Mapping) and (overrides := {name: event[name] for name in OVERRIDES if name in event}):
        request["overrides"] = overrides
    started_by = f"events-rule/{rule_name.replace('.', '-')}"  # RunTask takes no dot
    return {"cluster": target["Arn"], "startedBy": started_by[:MAX_STARTED_BY], **request}
