"""The rights that a command of the operator has used, and those that docs/operating.md says it needs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

TABLE = Path(__file__).resolve().parent.parent / "docs" / "operating.md"
FOR_ALL = {"cloudformation:DescribeStacks", "sts:GetCallerIdentity"}  # the latter wants no right
# Where an action is not called as its operation: the service authorization reference of S3 and Lambda.
CALLED_OTHERWISE = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:HeadObject": "s3:GetObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "lambda:Invoke": "lambda:InvokeFunction",
}


def needed(arguments: Sequence[str]) -> set[str]:
    """Return the actions that a command line is said to need."""
    found: dict[str, set[str]] = {}
    for line in TABLE.read_text().splitlines():
        if row := re.fullmatch(r"\| `([a-z -]+)` \|(.*)\|(.*)\|", line):
            command, s3, others = row.groups()
            found[command] = {f"s3:{action}" for action in re.findall(r"`(\w+)`", s3)}
            found[command] |= set(re.findall(r"`([\w:]+)`", others)) | FOR_ALL
    found["submit --wait"] |= found["submit"]
    return found[max((command for command in found if set(command.split()) <= set(arguments)), key=len)]


@contextmanager
def recorded() -> Iterator[set[str]]:
    """Give the set of the actions that this process needs in the block."""
    used: set[str] = set()
    call = BaseClient._make_api_call

    def note(client: Any, operation: str, parameters: Mapping[str, Any]) -> Any:
        used.add(_action(client.meta.service_model.signing_name, operation, parameters))
        return call(client, operation, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", note)
        yield used


def _action(service: str, operation: str, parameters: Mapping[str, Any]) -> str:
    action = CALLED_OTHERWISE.get(f"{service}:{operation}", f"{service}:{operation}")
    return "s3:GetObjectVersion" if action == "s3:GetObject" and "VersionId" in parameters else action
