"""Change sets of CloudFormation that fail: everything is as before."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localstack_fargate.tests.kit import poll, random_name

ENDED = ("_COMPLETE", "_FAILED")
BROKEN = {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "no name for a cluster"}}


def value(text: str, **more: Any) -> dict[str, Any]:
    """A parameter of Parameter Store, which is made, changed and deleted in no time."""
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": text, **more}}


def bucket(name: str) -> dict[str, Any]:
    return {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": name}}


def named_by_a_function(name: str) -> dict[str, Any]:
    return {**bucket(name), "Properties": {"BucketName": {"Fn::Sub": name}}}


class Stack:
    """A stack that is changed by change sets only."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.name = random_name("stack")
        self.api = client("cloudformation")

    def propose(self, kind: str, resources: dict[str, Any], **options: Any) -> str:
        template = json.dumps({"Resources": resources})
        answer = self.api.create_change_set(
            StackName=self.name, ChangeSetName=random_name(), ChangeSetType=kind, TemplateBody=template, **options
        )
        return str(answer["Id"])

    def change(self, kind: str, resources: dict[str, Any], *, keep: bool = True, **options: Any) -> str:
        """Propose and execute; returns the status in the end. Without ``keep`` nothing new is retained if it fails."""
        change_set = self.propose(kind, resources, **options)
        self.api.execute_change_set(ChangeSetName=change_set, RetainExceptOnCreate=not keep)
        return poll(self._status_at_the_end)

    def status(self) -> str:
        return str(self.api.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"])

    def reasons(self) -> dict[str, str]:
        events = self.api.describe_stack_events(StackName=self.name)["StackEvents"]
        failed = (event for event in events if event["ResourceStatus"].endswith("_FAILED"))
        return {event["LogicalResourceId"]: event.get("ResourceStatusReason", "") for event in failed}

    def physical_ids(self) -> dict[str, str]:
        resources = self.api.describe_stack_resources(StackName=self.name)["StackResources"]
        return {resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "") for resource in resources}

    def delete(self) -> None:
        self.api.delete_stack(StackName=self.name)
        waiter = self.api.get_waiter("stack_delete_complete")
        waiter.wait(StackName=self.name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 100})

    def _status_at_the_end(self) -> str:
        execution_has_ended = "IN_PROGRESS" not in self.status() and self.status() not in (
            "CREATE_FAILED",  # which LocalStack says of the stack as soon as it is true of a resource
            "UPDATE_FAILED",
        )
        return self.status() if execution_has_ended else ""


@pytest.fixture
def stack(client: Callable[[str], Any]) -> Iterator[Stack]:
    made = Stack(client)
    yield made
    made.delete()


@pytest.fixture
def ssm(client: Callable[[str], Any]) -> Any:
    return client("ssm")


def values(ssm: Any, prefix: str) -> dict[str, str]:
    """All parameters of this test by name."""
    found = ssm.get_parameters_by_path(Path=f"/{prefix}")["Parameters"]
    return {parameter["Name"].rsplit("/", 1)[1]: parameter["Value"] for parameter in found}


def named(stack: Stack, name: str, text: str) -> dict[str, Any]:
    return value(text, Name=f"/{stack.name}/{name}")


@pytest.mark.parametrize("keep", [True, False], ids=["retaining", "retaining-nothing-new"])
def test_what_was_created_is_deleted(keep: bool, stack: Stack, ssm: Any, client: Callable[[str], Any]) -> None:
    resources = {
        "Value": named(stack, "value", "1"),
        "Bucket": bucket(stack.name),
        "Broken": {**BROKEN, "DependsOn": ["Value", "Bucket"]},
    }
    assert stack.change("CREATE", resources, keep=keep) == "ROLLBACK_COMPLETE"
    assert "luster" in stack.reasons()["Broken"]
    assert values(ssm, stack.name) == {}
    s3 = client("s3")
    buckets = [found["Name"] for found in s3.list_buckets()["Buckets"]]
    assert (stack.name in buckets) == keep
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        stack.propose("UPDATE", {"Value": value("2")})
    if keep:
        s3.delete_bucket(Bucket=stack.name)


def test_what_was_changed_is_changed_back(stack: Stack, ssm: Any) -> None:
    first = {
        "Changed": named(stack, "changed", "1"),
        "Replaced": named(stack, "old", "1"),
        "Gone": named(stack, "gone", "1"),
    }
    assert stack.change("CREATE", first) == "CREATE_COMPLETE"
    before = values(ssm, stack.name)
    assert before == {"changed": "1", "old": "1", "gone": "1"}
    ids = stack.physical_ids()
    second = {
        "Changed": named(stack, "changed", "2"),
        "Replaced": named(stack, "new", "2"),
        "Added": named(stack, "added", "2"),
        "Broken": {**BROKEN, "DependsOn": ["Changed", "Replaced", "Added"]},
    }
    assert stack.change("UPDATE", second) == "UPDATE_ROLLBACK_COMPLETE"
    assert values(ssm, stack.name) == before
    assert stack.physical_ids() == ids

    del second["Broken"]
    stack.propose("UPDATE", second)
    assert stack.status() == "UPDATE_ROLLBACK_COMPLETE"  # to propose is to change nothing
    assert stack.change("UPDATE", second) == "UPDATE_COMPLETE"
    assert values(ssm, stack.name) == {"changed": "2", "new": "2", "added": "2"}


def test_an_existing_bucket_is_imported_or_refused(stack: Stack, client: Callable[[str], Any]) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket=stack.name)
    resources = {"Bucket": bucket(stack.name)}
    assert stack.change("CREATE", resources, keep=False) == "ROLLBACK_COMPLETE"
    assert stack.reasons()["Bucket"] == f"{stack.name} already exists"
    stack.delete()
    broken = {**resources, "Broken": {**BROKEN, "DependsOn": "Bucket"}}
    assert stack.change("CREATE", broken, keep=False, ImportExistingResources=True) == "ROLLBACK_COMPLETE"
    s3.head_bucket(Bucket=stack.name)  # it is not the stack's to delete
    stack.delete()
    for refused in (named_by_a_function(stack.name), {**bucket(stack.name), "DeletionPolicy": "Delete"}):
        assert stack.change("CREATE", {"Bucket": refused}, ImportExistingResources=True) == "ROLLBACK_COMPLETE"
        assert stack.reasons()["Bucket"] == f"{stack.name} already exists"
        stack.delete()
    assert stack.change("CREATE", resources, ImportExistingResources=True) == "CREATE_COMPLETE"
    assert stack.physical_ids() == {"Bucket": stack.name}
    value_too = {"Bucket": named_by_a_function(stack.name), "Value": value("1")}
    assert stack.change("UPDATE", value_too) == "UPDATE_COMPLETE"  # the name is the same, so it is no replacement
    stack.delete()
    s3.delete_bucket(Bucket=stack.name)
