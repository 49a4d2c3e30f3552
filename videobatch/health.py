"""Whether the pipeline can work: each part looked at from outside, by the SDK alone."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from videobatch.account import Account
from videobatch.errors import OperatorError, explain
from videobatch.pipeline import CLIENT_CONFIG, Pipeline
from worker.selection import DEFAULT_NAME, SUFFIXES

STEADY = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
DEPLOY_AGAIN = "Deploy the stack again, from infra/template.yaml."
_ECR_IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.([\w-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)(?::([^@]+))?(?:@(.+))?")


class Health(StrEnum):
    """What a check has found."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """What is known of one part.

    Attributes:
        detail: What was seen, in a few words.
        hint: What to do; empty if nothing.
    """

    part: str
    health: Health
    detail: str
    hint: str = ""


class _Bad(Exception):
    def __init__(self, detail: str, hint: str, health: Health = Health.BAD) -> None:
        self.detail, self.hint, self.health = detail, hint, health


def examine(account: Account) -> Iterator[Finding]:
    """Yield what is found, part by part; without credentials or stack there is nothing more to look at."""
    for part, look in (("credentials", _credentials), ("stack", _stack)):
        finding = _finding(part, partial(look, account))
        yield finding
        if finding.health is Health.BAD:
            return
    pipeline = account.pipeline
    resources = cache(partial(_resources, pipeline, account.stack))  # asked for within the checks that need it
    parts: dict[str, Callable[[], str]] = {
        "bucket": lambda: _bucket(pipeline),
        "default watermark": lambda: _default_watermark(pipeline),
        "trigger": lambda: _trigger(pipeline),
        "function": lambda: _function(pipeline),
        "state machine": lambda: _state_machine(pipeline),
        "cluster": lambda: _cluster(pipeline),
        "task definition": lambda: _task_definition(pipeline, resources())["taskDefinitionArn"].rsplit("/", 1)[-1],
        "image": lambda: _image(pipeline, resources()),
        "dead letters": lambda: _dead_letters(pipeline),
    }
    for part, check in parts.items():
        yield _finding(part, check)


def _finding(part: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(part, Health.GOOD, check())
    except _Bad as bad:
        return Finding(part, bad.health, bad.detail, bad.hint)
    except (OperatorError, ClientError, BotoCoreError) as error:
        explained = explain(error)
        assert explained is not None  # noqa: S101 - for the type checker: these are what it explains
        return Finding(part, Health.BAD, explained.message, explained.hint)


def _credentials(account: Account) -> str:
    identity = account.session.client("sts", config=CLIENT_CONFIG).get_caller_identity()
    return f"{identity['Arn']}, region {account.session.region_name}"


def _stack(account: Account) -> str:
    pipeline = account.pipeline
    status = pipeline.client("cloudformation").describe_stacks(StackName=account.stack)["Stacks"][0]["StackStatus"]
    if status not in STEADY:
        raise _Bad(f"{account.stack} is {status}", "Wait until it is deployed, or deploy it again.", Health.DOUBTFUL)
    return f"{account.stack}, {status}"


def _resources(pipeline: Pipeline, stack: str) -> Mapping[str, str]:
    pages = pipeline.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "")
        for page in pages
        for resource in page["StackResourceSummaries"]
    }


def _bucket(pipeline: Pipeline) -> str:
    pipeline.s3.head_bucket(Bucket=pipeline.bucket)
    if pipeline.s3.get_bucket_versioning(Bucket=pipeline.bucket).get("Status") != "Enabled":
        raise _Bad(f"{pipeline.bucket} keeps no versions, and jobs are named by them", DEPLOY_AGAIN)
    return pipeline.bucket


def _default_watermark(pipeline: Pipeline) -> str:
    base = pipeline.outputs["WatermarkPrefix"] + DEFAULT_NAME
    found = pipeline.s3.list_objects_v2(Bucket=pipeline.bucket, Prefix=base).get("Contents", [])
    for suffix in SUFFIXES:
        if any(entry["Key"] == base + suffix for entry in found):
            return base + suffix
    raise _Bad(
        f"there is no {base}{SUFFIXES[-1]}: uploads that name no watermark fail",
        f"Put one there: videobatch watermark put FILE --name {DEFAULT_NAME}",
        Health.DOUBTFUL,
    )


def _trigger(pipeline: Pipeline) -> str:
    configured = pipeline.s3.get_bucket_notification_configuration(Bucket=pipeline.bucket)
    function, prefix = pipeline.outputs["FunctionName"], pipeline.outputs["UploadPrefix"]
    suffixes = [
        rules.get("suffix", "")
        for entry in configured.get("LambdaFunctionConfigurations", [])
        if entry["LambdaFunctionArn"].split(":")[6] == function and "s3:ObjectCreated:*" in entry["Events"]
        for rules in [_rules(entry)]
        if rules.get("prefix", "") == prefix
    ]
    if not suffixes:
        raise _Bad(
            f"the bucket does not tell {function} of uploads below {prefix}",
            f"{DEPLOY_AGAIN} Uploads made meanwhile get their jobs by: videobatch backfill",
        )
    return f"{prefix}*{', *'.join(sorted(suffixes))} → {function}"


def _rules(entry: Mapping[str, Any]) -> dict[str, str]:
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return {rule["Name"].lower(): rule["Value"] for rule in rules}


def _function(pipeline: Pipeline) -> str:
    name = pipeline.outputs["FunctionName"]
    function = pipeline.client("lambda").get_function_configuration(FunctionName=name)
    if function.get("State", "Active") not in ("Active", "Inactive"):  # inactive is one that nobody has called lately
        raise _Bad(f"{name} is {function['State']}: {function.get('StateReason')}", DEPLOY_AGAIN)
    bucket = function.get("Environment", {}).get("Variables", {}).get("BUCKET")
    if bucket != pipeline.bucket:
        raise _Bad(f"{name} works for the bucket {bucket}", DEPLOY_AGAIN)
    limit = pipeline.client("lambda").get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
    if limit == 0:
        raise _Bad(f"{name} may not run: its reserved concurrency is 0", "Set TriggerConcurrency to 1 or more.")
    return f"{name}, {function.get('Runtime')}" + (f", {limit} at a time" if limit else "")


def _state_machine(pipeline: Pipeline) -> str:
    machine = pipeline.client("stepfunctions").describe_state_machine(
        stateMachineArn=pipeline.outputs["StateMachineArn"]
    )
    if machine.get("status", "ACTIVE") != "ACTIVE":
        raise _Bad(f"{machine['name']} is {machine['status']}", DEPLOY_AGAIN)
    return str(machine["name"])


def _cluster(pipeline: Pipeline) -> str:
    name = pipeline.outputs["ClusterName"]
    clusters = pipeline.client("ecs").describe_clusters(clusters=[name])["clusters"]
    if not clusters or clusters[0]["status"] != "ACTIVE":
        raise _Bad(f"there is no active cluster {name}", DEPLOY_AGAIN)
    tasks = clusters[0]["runningTasksCount"], clusters[0]["pendingTasksCount"]
    return f"{name}, tasks running {tasks[0]}, pending {tasks[1]}"


def _task_definition(pipeline: Pipeline, resources: Mapping[str, str]) -> Mapping[str, Any]:
    arn = resources.get("TaskDefinition", "")
    family = arn.rsplit("/", 1)[-1].rsplit(":", 1)[0]  # the state machine, too, takes the newest revision
    answer = pipeline.client("ecs").describe_task_definition(taskDefinition=family)
    definition: Mapping[str, Any] = answer["taskDefinition"]
    return definition


def _image(pipeline: Pipeline, resources: Mapping[str, str]) -> str:
    image = _task_definition(pipeline, resources)["containerDefinitions"][0]["image"]
    in_ecr = _ECR_IMAGE.fullmatch(image)
    if not in_ecr:
        return f"{image}, which is in no registry of AWS: not looked up"
    registry, region, repository, tag, digest = in_ecr.groups()
    wanted = {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}
    try:
        pipeline.session.client("ecr", region_name=region, config=CLIENT_CONFIG).describe_images(
            registryId=registry, repositoryName=repository, imageIds=[wanted]
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("ImageNotFoundException", "RepositoryNotFoundException"):
            raise
        raise _Bad(
            f"there is no image {image}", "Build it from worker/ and push it, or correct WorkerImage."
        ) from error
    return str(image)


def _dead_letters(pipeline: Pipeline) -> str:
    attributes = pipeline.client("sqs").get_queue_attributes(
        QueueUrl=pipeline.outputs["DeadLetterQueueUrl"],
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    count = sum(map(int, attributes.values()))
    if count:
        raise _Bad(f"{count} wait in the queue", "See the function's log, then: videobatch redrive", Health.DOUBTFUL)
    return "none"
