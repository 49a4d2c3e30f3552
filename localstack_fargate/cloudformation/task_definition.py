"""``AWS::ECS::TaskDefinition``: Ref is the ARN with its revision."""

from typing import Any

import localstack.services.cloudformation.provider_utils as util
from botocore.exceptions import ClientError
from localstack.aws.spec import load_service
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
    ResourceRequest,
)

from .properties import to_parameters, to_properties
from .tags import update_tags

ARN = "TaskDefinitionArn"
UPDATABLE = ("Tags", ARN)


def _create_only_properties() -> list[str]:
    members = load_service("ecs").operation_model("RegisterTaskDefinition").input_shape.members
    names = [name[:1].upper() + name[1:] for name in members]
    return [f"/properties/{name}" for name in names if name not in UPDATABLE]


class EcsTaskDefinitionProvider(ResourceProvider):
    """Registers task definitions for CloudFormation. All but the tags is fixed, so a change makes a new revision.

    CloudFormation creates the new one first and deletes (deregisters) the old one when the update is complete.
    """

    TYPE = "AWS::ECS::TaskDefinition"
    SCHEMA: dict[str, Any] = {  # noqa: RUF012 - LocalStack declares it so
        "typeName": TYPE,
        "primaryIdentifier": [f"/properties/{ARN}"],
        "createOnlyProperties": _create_only_properties(),
        "readOnlyProperties": [f"/properties/{ARN}"],
    }

    def create(self, request: ResourceRequest) -> ProgressEvent:
        """Register a revision; a family is made up if the template has none."""
        model = request.desired_state
        model.pop(ARN, None)
        if not model.get("Family"):
            model["Family"] = util.generate_default_name(request.stack_name, request.logical_resource_id)
        parameters = to_parameters(model, "RegisterTaskDefinition")
        definition = request.aws_client_factory.ecs.register_task_definition(**parameters)["taskDefinition"]
        model[ARN] = definition["taskDefinitionArn"]
        return ProgressEvent(OperationStatus.SUCCESS, model)

    def read(self, request: ResourceRequest) -> ProgressEvent:
        """Describe the revision."""
        ecs = request.aws_client_factory.ecs
        answer = ecs.describe_task_definition(taskDefinition=request.desired_state[ARN], include=["TAGS"])
        model = to_properties(answer["taskDefinition"], "TaskDefinition")
        tags = [{"Key": tag["key"], "Value": tag["value"]} for tag in answer.get("tags") or ()]
        return ProgressEvent(OperationStatus.SUCCESS, {**model, "Tags": tags})

    def update(self, request: ResourceRequest) -> ProgressEvent:
        """Change the tags: everything else asks for a replacement."""
        previous = request.previous_state or {}
        model = {**request.desired_state, ARN: previous[ARN], "Family": previous["Family"]}
        update_tags(request.aws_client_factory.ecs, previous[ARN], previous.get("Tags"), model.get("Tags"))
        return ProgressEvent(OperationStatus.SUCCESS, model)

    def delete(self, request: ResourceRequest) -> ProgressEvent:
        """Deregister the revision; it stays visible as INACTIVE, as on AWS."""
        arn = request.desired_state.get(ARN)
        if not arn:  # its creation has failed
            return ProgressEvent(OperationStatus.SUCCESS, request.desired_state)
        try:
            request.aws_client_factory.ecs.deregister_task_definition(taskDefinition=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ClientException":  # ECS's answer for one that does not exist
                raise
        return ProgressEvent(OperationStatus.SUCCESS, request.desired_state)
