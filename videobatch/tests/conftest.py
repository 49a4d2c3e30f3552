"""A stack as far as the bucket and the queue go, on a real HTTP server, and the commands on it."""

import json
import os
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from videobatch.pipeline import JobRecord, Pipeline
from videobatch.tests.commands import Run, commands


@pytest.fixture
def pipeline(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A stack of the test's own, to which the environment leads all commands."""
    for name, value in {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "STACK_NAME": f"stack-{secrets.token_hex(6)}",
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"bucket-{secrets.token_hex(6)}"
    machine = boto3.client("stepfunctions").create_state_machine(
        name=f"machine-{secrets.token_hex(6)}",
        definition='{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/machine",
    )
    outputs = {
        "BucketName": bucket,
        "UploadPrefix": "unprocessed-vdeos/",
        "WatermarkPrefix": "watermarks/",
        "ResultPrefix": "processed-videos/",
        "JobPrefix": "jobs/",
        "StateMachineArn": machine["stateMachineArn"],
        "ClusterName": "cluster",
        "FunctionName": "function",
        "WorkerLogGroup": "/ecs/task",
        "DeadLetterQueueUrl": boto3.client("sqs").create_queue(QueueName=f"queue-{secrets.token_hex(6)}")["QueueUrl"],
    }
    template = {
        "Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket}}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName=os.environ["STACK_NAME"], TemplateBody=json.dumps(template))
    pipeline = Pipeline.of_stack()
    pipeline.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return pipeline


@pytest.fixture
def run(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:  # noqa: ARG001 - its account is in the environment
    """Run a command as its process would."""
    with commands(capsys) as run:
        yield run


@pytest.fixture
def put_record(pipeline: Pipeline) -> Callable[..., JobRecord]:
    """Write a job's record as Lambda and the worker do."""

    def put(job_id: str, state: str = "SUCCEEDED", key: str = "a.mp4", **fields: Any) -> JobRecord:
        record = {
            "job_id": job_id,
            "state": state,
            "phase": None,
            "percent": 0,
            "source": {"key": f"unprocessed-vdeos/{key}", "version_id": "v", "etag": "e", "size": 1},
            "error": None,
            "attempt": 1,
            "created_at": "2026-11-20T08:15:30.123Z",
            "updated_at": "2026-11-20T08:15:30.123Z",
            **fields,
        }
        pipeline.s3.put_object(Bucket=pipeline.bucket, Key=f"jobs/{job_id}.json", Body=json.dumps(record))
        return record

    return put
