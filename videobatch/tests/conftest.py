"""A stack as far as the bucket and the queue go, on a real HTTP server, and the commands on it."""

import json
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from videobatch.cli import main
from videobatch.pipeline import JobRecord, Pipeline

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:watermark-video"


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
    outputs = {
        "BucketName": bucket,
        "UploadPrefix": "unprocessed-vdeos/",
        "WatermarkPrefix": "watermarks/",
        "ResultPrefix": "processed-videos/",
        "JobPrefix": "jobs/",
        "StateMachineArn": MACHINE,
    }
    template = {
        "Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket}}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    boto3.client("cloudformation").create_stack(StackName=os.environ["STACK_NAME"], TemplateBody=json.dumps(template))
    pipeline = Pipeline.of_stack()
    pipeline.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return pipeline


@dataclass
class Ended:
    """What a command has left: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def run(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:  # noqa: ARG001 - its account is in the environment
    """Run a command as its process would."""
    before = signal.getsignal(signal.SIGTERM)

    def run(*arguments: object) -> Ended:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        written = capsys.readouterr()
        return Ended(code, written.out, written.err)

    yield run
    signal.signal(signal.SIGTERM, before)


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
