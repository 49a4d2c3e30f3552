"""API calls, and the IAM actions that they need.

Services that are not here need ``prefix:Operation`` on the resource ``*``, which a statement that names resources does
not allow.
"""

from collections.abc import Mapping
from typing import Any

from . import ecs, kms, queues_and_topics, s3, tables
from .call import ANY, Call, Mapper, Permission

__all__ = ["ANY", "Call", "Permission", "iam_name", "needed"]

# What signs requests by another name than IAM knows it by.
NAMES: Mapping[str, str] = {"monitoring": "cloudwatch", "email": "ses"}

MAPPERS: Mapping[str, Mapper] = {
    "cloudwatch": tables.cloudwatch,
    "ecs": ecs.permissions,
    "events": tables.events,
    "iam": tables.iam,
    "kms": kms.permissions,
    "lambda": tables.lambda_,
    "logs": tables.logs,
    "s3": s3.permissions,
    "sns": queues_and_topics.sns,
    "sqs": queues_and_topics.sqs,
    "ssm": tables.ssm,
    "states": tables.states,
    "sts": tables.sts,
}


def iam_name(service: Any) -> str:
    """IAM's name for a service, by its (botocore) model."""
    return NAMES.get(service.signing_name, service.signing_name)


def needed(call: Call) -> list[Permission]:
    """All permissions that the call needs; none for what anybody may."""
    return list(MAPPERS.get(call.service, tables.by_table)(call))
