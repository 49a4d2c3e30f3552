"""RegisterTaskDefinition and DescribeTaskDefinition: moto keeps the definitions, and here is what it does not do."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.moto import call_moto, call_moto_with_request

from .checks.identifiers import resource_name
from .checks.task_definition import check_task_definition, compatibilities
from .definition_defaults import required_attributes, with_defaults
from .definitions import TASK_DEFINITION_UNKNOWN, add_details, latest_active_revision
from .exceptions import ClientException


def register_task_definition(context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
    """Register a revision; raises what ECS answers to a definition that cannot run."""
    check_task_definition(request)
    complete = with_defaults(request)
    answer: dict[str, Any] = call_moto_with_request(context, complete)
    definition = answer["taskDefinition"]
    details = {
        "compatibilities": compatibilities(request),
        "requiresAttributes": required_attributes(complete),
        "registeredAt": datetime.now(UTC).replace(microsecond=0),  # as DescribeTaskDefinition, through moto, shows it
        "registeredBy": f"arn:aws:iam::{context.account_id}:root",
    }
    add_details(context.account_id, context.region, definition["family"], definition["revision"], details)
    definition.update(details)
    return {"taskDefinition": definition, "tags": request.get("tags") or []}


def describe_task_definition(context: RequestContext, request: Mapping[str, Any]) -> dict[str, Any]:
    """Describe a revision, active or not; a family stands for its latest active one."""
    reference = str(request.get("taskDefinition") or "")
    family, _, revision = (resource_name(context.account_id, context.region, reference) or "").partition(":")
    if revision:
        if not revision.isdecimal():
            raise ClientException(f"Invalid revision number. Number: {revision}")
        answer: dict[str, Any] = call_moto(context)
        return answer
    latest = latest_active_revision(context.account_id, context.region, family)
    if latest is None:
        raise ClientException(TASK_DEFINITION_UNKNOWN)
    described: dict[str, Any] = call_moto_with_request(context, {**request, "taskDefinition": f"{family}:{latest}"})
    return described
