"""Tags of a resource that is updated in place."""

from collections.abc import Mapping, Sequence
from typing import Any

type Tags = Sequence[Mapping[str, str]] | None


def update_tags(ecs: Any, arn: str, before: Tags, after: Tags) -> None:
    """Make the tags in ``before`` those in ``after`` (both as CloudFormation writes them: Key and Value)."""
    old = {tag["Key"]: str(tag["Value"]) for tag in before or ()}
    new = {tag["Key"]: str(tag["Value"]) for tag in after or ()}
    if gone := sorted(old.keys() - new.keys()):
        ecs.untag_resource(resourceArn=arn, tagKeys=gone)
    changed = [{"key": key, "value": value} for key, value in new.items() if old.get(key) != value]
    if changed:
        ecs.tag_resource(resourceArn=arn, tags=changed)
