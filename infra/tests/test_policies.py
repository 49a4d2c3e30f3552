"""Who may do what: read from the policies' text, since a right that nobody needs makes no other test fail."""

from collections.abc import Iterator
from typing import Any

import pytest

from infra.tests.policy_documents import documents
from infra.tests.template import policies, properties, resources_of

# Each of these reaches more than one named thing of ours. Anything else that does makes a test fail.
EVERY_RESOURCE = {
    (name, "LogInToRegistry"): "ecr:GetAuthorizationToken knows no resource"
    for name in ("ExecutionRole.start-tasks", "RegistryEndpoint", "ImagesEndpoint")
}
EVERY_THING_OF_A_KIND = {
    ("S3Endpoint", "LayersOfImages"): "ECR names the layers of its images by their digests",
    **{
        (name, "PullImages"): "WorkerImage names a repository of the account, and an upgrade another"
        for name in ("ExecutionRole.start-tasks", "RegistryEndpoint", "ImagesEndpoint")
    },
}
# Lambda takes no role of another account and documents no source for the call, so there is nothing to ask for.
TRUSTED_WITHOUT_SOURCE = {"lambda.amazonaws.com"}


@pytest.fixture(scope="module")
def found(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return documents(template)


def statements(found: dict[str, dict[str, Any]], effect: str = "Allow") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, document in found.items():
        for statement in document["Statement"]:
            if statement["Effect"] == effect:
                yield name, statement


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_every_document_is_of_the_current_language_and_names_its_statements(found: dict[str, dict[str, Any]]) -> None:
    assert len(found) > 15
    for name, document in found.items():
        assert document["Version"] == "2012-10-17", name
        if not name.endswith(".trust"):
            sids = [statement["Sid"] for statement in document["Statement"]]
            assert len(set(sids)) == len(sids), name


def test_no_action_is_a_pattern(found: dict[str, dict[str, Any]]) -> None:
    patterns = [
        (name, action) for name, each in statements(found) for action in as_list(each["Action"]) if "*" in action
    ]
    assert patterns == []
    assert not [name for name, each in statements(found) if {"NotAction", "NotResource", "NotPrincipal"} & set(each)]


def test_a_resource_that_is_everything_has_its_reason(found: dict[str, dict[str, Any]]) -> None:
    everything = {
        (name, each["Sid"])
        for name, each in statements(found)
        if "*" in as_list(each.get("Resource", []))  # a trust policy has none
    }
    assert everything == set(EVERY_RESOURCE)


def test_a_pattern_begins_with_the_name_of_a_thing(found: dict[str, dict[str, Any]]) -> None:
    """As in ``bucket/jobs/*``, and neither ``repository/*`` nor ``*-logs``."""
    wide = set()
    for name, each in statements(found):
        for resource in as_list(each.get("Resource", [])):
            if resource == "*" or "*" not in resource:
                continue
            known, _, behind = resource.partition("*")
            assert not behind, resource
            named = known.split(":", 5)[5].rstrip(":/")  # log-group:/ecs/task, task-definition/family, bucket/jobs
            if named in ("repository", "task", "task-definition", "execution") or "starport" in named:
                wide.add((name, each["Sid"]))
    assert wide == set(EVERY_THING_OF_A_KIND)


def test_roles_are_passed_to_ecs_tasks_only(template: dict[str, Any]) -> None:
    [passing] = [each for _, each in policies(template) if "iam:PassRole" in as_list(each["Action"])]
    assert passing["Action"] == "iam:PassRole"
    assert passing["Resource"] == [{"GetAtt": "TaskRole.Arn"}, {"GetAtt": "ExecutionRole.Arn"}]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}


def test_each_role_is_for_one_service_and_this_account(found: dict[str, dict[str, Any]]) -> None:
    trusts = {name: document["Statement"] for name, document in found.items() if name.endswith(".trust")}
    assert len(trusts) == 6
    for name, [statement] in trusts.items():
        assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRole"), name
        [(kind, service)] = statement["Principal"].items()
        assert (kind, isinstance(service, str)) == ("Service", True), name
        if service not in TRUSTED_WITHOUT_SOURCE:
            assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}, name


def test_nobody_outside_is_allowed_anything(found: dict[str, dict[str, Any]]) -> None:
    by_anybody = {name for name, each in statements(found) if each.get("Principal") == "*"}
    endpoints = {"S3Endpoint", "RegistryEndpoint", "ImagesEndpoint", "LogsEndpoint"}
    assert by_anybody == endpoints  # which only this network's tasks reach, with the rights that they have
    for name, each in statements(found):
        if isinstance(each.get("Principal"), dict):
            assert set(each["Principal"]) == {"Service"}, name


def test_the_bucket_is_private_and_wants_tls(template: dict[str, Any], found: dict[str, dict[str, Any]]) -> None:
    bucket = properties(template, "Bucket")
    blocked = bucket["PublicAccessBlockConfiguration"]
    assert blocked == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]  # no ACLs at all
    [statement] = found["BucketPolicy"]["Statement"]
    arn = f"arn:aws:s3:::{template['Parameters']['BucketName']['Default']}"
    assert {key: statement[key] for key in ("Effect", "Principal", "Action", "Resource", "Condition")} == {
        "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }  # fmt: skip


def test_functions_are_invoked_by_what_is_named_only(template: dict[str, Any]) -> None:
    permissions = resources_of(template, "AWS::Lambda::Permission")
    assert len(permissions) > 3
    for name, permission in permissions.items():
        assert permission["Action"] == "lambda:InvokeFunction", name
        assert permission["Principal"] in ("s3.amazonaws.com", "events.amazonaws.com"), name
        assert "SourceArn" in permission, name
    # The ARN of a bucket has no account in it: once deleted, anybody may take its name.
    assert permissions["BucketMayInvokeFunction"]["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert not resources_of(template, "AWS::Lambda::Url")
    assert not resources_of(template, "AWS::SQS::QueuePolicy")


def test_nothing_comes_in_from_the_network(template: dict[str, Any]) -> None:
    groups = resources_of(template, "AWS::EC2::SecurityGroup")
    assert set(groups) == {"SecurityGroup", "EndpointSecurityGroup"}
    assert "SecurityGroupIngress" not in groups["SecurityGroup"]
    [rule] = groups["EndpointSecurityGroup"]["SecurityGroupIngress"]
    assert rule["SourceSecurityGroupId"] == {"GetAtt": "SecurityGroup.GroupId"}
    assert not {"CidrIp", "CidrIpv6"} & set(rule)
    assert not resources_of(template, "AWS::EC2::SecurityGroupIngress")
    for name, subnet in resources_of(template, "AWS::EC2::Subnet").items():
        assert "MapPublicIpOnLaunch" not in subnet, name


def test_no_role_may_delete_or_change_who_may(template: dict[str, Any]) -> None:
    """What is lost or opened then could not be had back."""
    for name, each in policies(template):
        for action in as_list(each["Action"]):
            verb = action.split(":")[1]
            assert not verb.startswith(("Delete", "Attach", "Detach", "Update", "Purge")), (name, action)
            assert not verb.endswith(("Policy", "Acl", "Configuration")), (name, action)


def test_a_task_reaches_what_it_works_on(found: dict[str, dict[str, Any]]) -> None:
    """And may write nothing that it reads as its input."""
    reached: dict[str, set[str]] = {}
    for statement in found["TaskRole.watermark-videos"]["Statement"]:
        for action in as_list(statement["Action"]):
            reached.setdefault(action, set()).update(
                resource.removeprefix("arn:aws:s3:::video-batch-processing-bucket")
                for resource in as_list(statement["Resource"])
            )
    inputs, outputs = {"/unprocessed-vdeos/*", "/watermarks/*"}, {"/processed-videos/*", "/jobs/*"}
    assert reached == {
        "s3:GetObject": inputs | outputs, "s3:GetObjectVersion": inputs, "s3:PutObject": outputs,
        "s3:AbortMultipartUpload": {"/processed-videos/*"}, "s3:ListBucket": {""},
    }  # fmt: skip
