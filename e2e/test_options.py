"""The template with every option of a production account on: it deploys, and a video comes back."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from e2e.inspection import tasks_of
from e2e.targets import Processes
from videobatch.pipeline import JobRecord, Pipeline

pytestmark = pytest.mark.only_target("process")

KEY = "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab"
BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"  # one that every account has
OPTIONS = {
    "UseSpot": "yes",
    "PrivateSubnets": "yes",
    "KmsKeyArn": KEY,
    "PermissionsBoundaryArn": BOUNDARY,
    "ResultRetentionDays": "30",
    "JobRetentionDays": "90",
    "EarlierVersionRetentionDays": "7",
}


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """An account of its own."""
    with Processes(STACK_PARAMETERS=json.dumps(OPTIONS)).account(tmp_path_factory.mktemp("production")):
        yield Pipeline.of_stack(session=boto3.Session())


@pytest.fixture(scope="module")
def record(production: Pipeline, clip: Path) -> JobRecord:
    """Of a video that went through."""
    *_, last = production.follow(production.upload(clip, "options.mp4"), timeout=240, poll=0.2)
    assert last["state"] == "SUCCEEDED", last
    return last


def test_the_first_attempt_is_on_spot(production: Pipeline, record: JobRecord) -> None:
    [task] = tasks_of(production, record["job_id"])
    assert task["capacityProviderName"] == "FARGATE_SPOT"


def test_dead_letters_are_encrypted_with_the_key(production: Pipeline) -> None:
    """The emulator passes over the key of a bucket and of logs in a template, and a bucket's lifecycle."""
    attributes = boto3.client("sqs").get_queue_attributes(
        QueueUrl=production.outputs["DeadLetterQueueUrl"], AttributeNames=["KmsMasterKeyId"]
    )["Attributes"]
    assert attributes == {"KmsMasterKeyId": KEY}


@pytest.mark.usefixtures("production")
def test_the_network_has_endpoints_and_no_way_to_the_internet() -> None:
    stack = boto3.client("cloudformation").describe_stack_resources(StackName="video-batch-processing")
    kinds = [each["ResourceType"] for each in stack["StackResources"]]
    assert "AWS::EC2::InternetGateway" not in kinds
    ec2 = boto3.client("ec2")
    [vpc] = [each["PhysicalResourceId"] for each in stack["StackResources"] if each["ResourceType"] == "AWS::EC2::VPC"]
    of_vpc: list[Any] = [{"Name": "vpc-id", "Values": [vpc]}]
    services = {each["ServiceName"] for each in ec2.describe_vpc_endpoints(Filters=of_vpc)["VpcEndpoints"]}
    assert services == {f"com.amazonaws.us-east-1.{name}" for name in ("s3", "ecr.api", "ecr.dkr", "logs")}
    tables = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"]
    assert "igw-" not in json.dumps([table["Routes"] for table in tables])


def test_a_role_is_within_its_boundary(production: Pipeline) -> None:
    function = boto3.client("lambda").get_function_configuration(FunctionName=production.outputs["FunctionName"])
    role = boto3.client("iam").get_role(RoleName=function["Role"].rsplit("/", 1)[-1])["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY
