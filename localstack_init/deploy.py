"""Fill the emulated account: package the functions, deploy the template, seed a default watermark.

LocalStack's ``ready.d`` hook runs this, in a container and as a process alike. It can run any number of times: what is
there already is updated or left alone.
"""

import contextlib
import hashlib
import json
import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from scripts.package_lambda import package_lambda

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "infra" / "template.yaml"
DEFAULT_WATERMARK = Path(__file__).resolve().parent / "default-watermark.png"
STACK_TIMEOUT_SECONDS = 180
POLL_SECONDS = 0.3


class DeploymentFailed(RuntimeError):
    """The stack did not reach the wanted state; the message has the reason of each resource that failed."""


@dataclass(frozen=True)
class Settings:
    """What may differ from one emulated account to the next."""

    endpoint: str
    region: str
    stack_name: str
    worker_image: str
    parameters: dict[str, str]
    """Template parameters that replace the template's defaults."""


def read_settings(environment: dict[str, str]) -> Settings:
    """Read the settings from the variables that LocalStack itself and its users set.

    Raises:
        ValueError: ``STACK_PARAMETERS`` is not a JSON object of texts.
    """
    port = environment.get("GATEWAY_LISTEN", "0.0.0.0:4566").split(",")[0].rsplit(":", 1)[-1]
    together = json.loads(environment.get("STACK_PARAMETERS") or "{}")
    if not isinstance(together, dict) or not all(isinstance(value, str) for value in together.values()):
        raise ValueError('STACK_PARAMETERS must be a JSON object of texts, such as {"RetryDelays": "1, 2"}')
    return Settings(
        endpoint=f"http://127.0.0.1:{port}",
        region=environment.get("AWS_DEFAULT_REGION") or "us-east-1",
        stack_name=environment.get("STACK_NAME") or "video-batch-processing",
        worker_image=environment.get("WORKER_IMAGE") or "video-worker",
        parameters={**_single_parameters(environment), **together},
    )


def _single_parameters(environment: dict[str, str]) -> dict[str, str]:
    """``STACK_UPLOAD_PREFIX`` is the template's ``UploadPrefix``."""
    given = {name.removeprefix("STACK_"): value for name, value in environment.items() if name.startswith("STACK_")}
    return {
        "".join(word.capitalize() for word in name.split("_")): value
        for name, value in given.items()
        if value and name not in ("NAME", "PARAMETERS")
    }


class Account:
    """The emulated account, by its own API."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._settings.endpoint,
            region_name=self._settings.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the emulator takes any
            config=Config(retries={"mode": "standard", "max_attempts": 5}, proxies={}),
        )


def create_bucket(account: Account, bucket: str, region: str) -> None:
    """Make the bucket for what is deployed, if it is not there."""
    s3 = account.client("s3")
    # S3's oldest region must not be named; in all others a bucket that is there already is an error.
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=bucket, **where)


def upload_functions(account: Account, bucket: str) -> str:
    """Store the packaged functions and return their key."""
    package = package_lambda()
    account.client("s3").put_object(Bucket=bucket, Key=package.key, Body=package.content)
    return package.key


def upload_template(account: Account, bucket: str, region: str) -> str:
    """Store the template and return its URL: CloudFormation takes no more than 51,200 bytes in a request."""
    content = TEMPLATE.read_bytes()
    key = f"template-{hashlib.sha256(content).hexdigest()[:16]}.yaml"
    account.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    return f"https://{bucket}.s3.{region}.amazonaws.com/{key}"


def deploy_stack(account: Account, name: str, template_url: str, parameters: dict[str, str]) -> dict[str, str]:
    """Create or update the stack and return its outputs.

    Raises:
        DeploymentFailed: with the reason of each resource that failed.
    """
    cloudformation = account.client("cloudformation")
    request = {
        "StackName": name,
        "TemplateURL": template_url,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
    }
    if _stack_exists(cloudformation, name):
        try:
            cloudformation.update_stack(**request)
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
    else:
        cloudformation.create_stack(**request)
    return _wait_for_stack(cloudformation, name)


def own_architecture() -> str:
    """This machine's architecture in ECS's words: the worker's image is built on the machine that runs its tasks."""
    return "ARM64" if platform.machine() in ("aarch64", "arm64") else "X86_64"


def check_parameters(account: Account, template_url: str, parameters: dict[str, str]) -> None:
    """Refuse parameters that the template does not have, as AWS does and the emulator does not.

    Raises:
        DeploymentFailed: naming them.
    """
    declared = account.client("cloudformation").get_template_summary(TemplateURL=template_url)["Parameters"]
    unknown = sorted(set(parameters) - {parameter["ParameterKey"] for parameter in declared})
    if unknown:
        raise DeploymentFailed(f"the template has no parameter {', '.join(unknown)}; see infra/template.yaml")


def _stack_exists(cloudformation: Any, name: str) -> bool:
    try:
        stacks = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError:  # CloudFormation says ValidationError for a stack that is not there
        return False
    return any(stack["StackStatus"] != "DELETE_COMPLETE" for stack in stacks)


def _wait_for_stack(cloudformation: Any, name: str) -> dict[str, str]:
    deadline = time.monotonic() + STACK_TIMEOUT_SECONDS
    while True:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        status = stack["StackStatus"]
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        if not status.endswith("_IN_PROGRESS"):
            raise DeploymentFailed(f"stack {name} is {status}: {_failures(cloudformation, name)}")
        if time.monotonic() > deadline:
            raise DeploymentFailed(f"stack {name} is still {status} after {STACK_TIMEOUT_SECONDS} s")
        time.sleep(POLL_SECONDS)


def _failures(cloudformation: Any, name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [
        f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
        for event in reversed(events)
        if event.get("ResourceStatusReason")
        and ("FAILED" in event["ResourceStatus"] or "ROLLBACK" in event["ResourceStatus"])
    ]
    return "; ".join(reasons) or "no resource says why"


def seed_watermark(account: Account, bucket: str, prefix: str) -> None:
    """Store a default watermark unless somebody has put one there."""
    s3 = account.client("s3")
    if s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}default.").get("KeyCount"):
        return
    s3.put_object(
        Bucket=bucket, Key=f"{prefix}default.png", Body=DEFAULT_WATERMARK.read_bytes(), ContentType="image/png"
    )


def main() -> int:
    """Deploy, print what was deployed, and exit with 1 and the reason if that failed."""
    started = time.monotonic()
    try:
        settings = read_settings(dict(os.environ))
        account = Account(settings)
        code_bucket = f"{settings.stack_name}-artifacts"
        create_bucket(account, code_bucket, settings.region)
        parameters = {
            "WorkerImage": settings.worker_image,
            "TaskCpuArchitecture": own_architecture(),
            "LambdaCodeBucket": code_bucket,
            "LambdaCodeKey": upload_functions(account, code_bucket),
            **settings.parameters,
        }
        template_url = upload_template(account, code_bucket, settings.region)
        check_parameters(account, template_url, parameters)
        outputs = deploy_stack(account, settings.stack_name, template_url, parameters)
        seed_watermark(account, outputs["BucketName"], outputs["WatermarkPrefix"])
    except (DeploymentFailed, ClientError, ValueError, OSError) as error:
        print(f"deploy: {error}", file=sys.stderr, flush=True)
        return 1
    print(f"deploy: stack {settings.stack_name} is ready after {time.monotonic() - started:.1f} s", flush=True)
    for key, value in outputs.items():
        print(f"deploy:   {key} = {value}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
