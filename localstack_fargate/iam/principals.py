"""Roles as LocalStack keeps them, with the policies that bound what their sessions may do."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from localstack.services.iam.models import iam_stores

from .policy import Policy, read_or_deny

OF_ALL_REGIONS = "us-east-1"
AWS_MANAGED = ":iam::aws:policy/"


@dataclass(frozen=True)
class Role:
    """A role. ``policies`` are the inline ones by their names and the managed ones by their ARNs."""

    arn: str
    id: str
    name: str
    policies: tuple[Policy, ...]
    boundary: Policy | None
    trust: Policy
    tags: Mapping[str, str]


def find_role(account: str, name: str) -> Role | None:
    """The role of this name (without its path), as it is now."""
    store = iam_stores[account][OF_ALL_REGIONS]
    entity = store.ROLES.get(name)
    if entity is None:
        return None
    role = entity.role
    inline = [read_or_deny(policy, document) for policy, document in list(entity.inline_policies.items())]
    attached = [_managed(store, arn) for arn in list(entity.attached_policy_arns)]
    boundary = (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    tags = store.TAGS.get_tags(role["Arn"])
    return Role(
        arn=role["Arn"],
        id=role["RoleId"],
        name=name,
        policies=(*inline, *attached),
        boundary=_managed(store, boundary) if boundary else None,
        trust=read_or_deny(role["Arn"], role["AssumeRolePolicyDocument"]),
        tags=tags,
    )


def find_role_by_arn(arn: str) -> Role | None:
    """The role of an ARN."""
    _, _, _, _, account, resource = (arn.split(":", 5) + [""] * 6)[:6]
    found = find_role(account, resource.rpartition("/")[2])
    return found if found is not None and found.arn == arn else None


def _managed(store: Any, arn: str) -> Policy:
    if AWS_MANAGED in arn:
        document = _of_aws().get(arn.rpartition("/")[2])
        return read_or_deny(arn, document or "")
    entity = store.MANAGED_POLICIES.get(arn)
    return read_or_deny(arn, entity.versions[entity.policy["DefaultVersionId"]]["Document"] if entity else "")


@cache
def _of_aws() -> Mapping[str, str]:
    """AWS's own policies: name → document."""
    file = resources.files("localstack.services.iam") / "resources" / "aws_managed_policies.json"
    return {name: json.dumps(each["Document"]) for name, each in json.loads(file.read_text()).items()}
