"""The policies of resources, where LocalStack keeps them."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from localstack.constants import DEFAULT_AWS_ACCOUNT_ID
from localstack.services.kms.models import kms_stores
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.s3.models import s3_stores
from localstack.services.sns.models import sns_stores
from localstack.services.sqs.models import sqs_stores

from .evaluation import RESOURCE, TRUST
from .policy import Policy, read_or_deny
from .principals import OF_ALL_REGIONS, find_role_by_arn


class ResourcePolicy(NamedTuple):
    """What there is of a policy, what a denial calls it, and whether nobody may without it; see ``Policies``."""

    policy: Policy | None = None
    kind: str = RESOURCE
    is_needed: bool = False


class Arn(NamedTuple):
    """The parts of an ARN that find a resource."""

    region: str
    account: str
    resource: str
    text: str


# What a service may only do if the resource's policy says so; all else LocalStack's services ask is their own affair.
FOR_SERVICES = frozenset({"lambda:InvokeFunction", "sns:Publish", "sqs:SendMessage", "sts:AssumeRole"})


def resource_policy(action: str, arn: str) -> ResourcePolicy:
    """The policy that a resource has for an action on it."""
    parts = arn.split(":", 5)
    find = FINDERS.get(action.partition(":")[0])
    if find is None or len(parts) < 6:
        return ResourcePolicy()
    return find(Arn(parts[3], parts[4], parts[5], arn))


def bucket_owner(name: str) -> str | None:
    """The account of a bucket; None if there is no such bucket."""
    account: str | None = s3_stores[DEFAULT_AWS_ACCOUNT_ID][OF_ALL_REGIONS].global_bucket_map.get(name)
    return account


def _read(arn: Arn, document: str | None) -> ResourcePolicy:
    return ResourcePolicy(read_or_deny(arn.text, document) if document else None)


def _of_bucket(arn: Arn) -> ResourcePolicy:
    name = arn.resource.partition("/")[0]
    owner = bucket_owner(name)
    bucket = s3_stores[owner][OF_ALL_REGIONS].buckets.get(name) if owner else None
    return _read(arn._replace(text=arn.text.partition("/")[0]), bucket.policy if bucket else None)


def _of_queue(arn: Arn) -> ResourcePolicy:
    queue = sqs_stores[arn.account][arn.region].queues.get(arn.resource)
    return _read(arn, queue.attributes.get("Policy") if queue else None)


def _of_topic(arn: Arn) -> ResourcePolicy:
    topic = sns_stores[arn.account][arn.region].topics.get(arn.text)
    return _read(arn, topic["attributes"].get("Policy") if topic else None)


def _of_function(arn: Arn) -> ResourcePolicy:
    _, name, qualifier = (*arn.resource.split(":"), "$LATEST")[:3]
    function = lambda_stores[arn.account][arn.region].functions.get(name)
    found = function.permissions.get(qualifier) if function else None
    return _read(arn, json.dumps(dataclasses.asdict(found.policy)) if found else None)


def _of_role(arn: Arn) -> ResourcePolicy:
    role = find_role_by_arn(arn.text)
    return ResourcePolicy(role.trust if role else None, TRUST, is_needed=True)


def _of_key(arn: Arn) -> ResourcePolicy:
    if not arn.resource.startswith("key/"):
        return ResourcePolicy()  # an alias has none
    key: Any = kms_stores[arn.account][arn.region].keys.get(arn.resource.removeprefix("key/"))
    return _read(arn, key.policy if key else None)._replace(is_needed=True)


FINDERS: Mapping[str, Callable[[Arn], ResourcePolicy]] = {
    "kms": _of_key,
    "lambda": _of_function,
    "s3": _of_bucket,
    "sns": _of_topic,
    "sqs": _of_queue,
    "sts": _of_role,
}
