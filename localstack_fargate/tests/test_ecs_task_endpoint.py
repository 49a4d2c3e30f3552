"""Credentials of the task role and metadata, as a process in the task finds them."""

import json
from typing import Any

import pytest

from localstack_fargate.tests.kit import PYTHON_IMAGE, Fargate

IDENTITY = """
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"])
"""

ASK = """
import json, os, urllib.error, urllib.request

def status(url, token):
    try:
        request = urllib.request.Request(url, headers={"Authorization": token})
        return urllib.request.urlopen(request, timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code

url, token = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
print(json.dumps({
    "right": status(url, token),
    "wrong token": status(url, "wrong"),
    "no token": status(url, ""),
    "wrong id": status(url + "x", token),
    "elsewhere": status(url.replace("/v2/", "/v3/"), token),
    "url": url,
}))
"""

METADATA = """
import json, os, urllib.request
url = os.environ["ECS_CONTAINER_METADATA_URI_V4"]
read = lambda url: json.load(urllib.request.urlopen(url, timeout=5))
print(json.dumps({"container": read(url), "task": read(url + "/task")}))
"""


def run_python(fargate: Fargate, script: str, **definition: Any) -> tuple[str, str]:
    arn = fargate.run(fargate.container(image=PYTHON_IMAGE, command=[script]), **definition)
    fargate.wait(arn, timeout=30)
    return arn, "\n".join(fargate.output(arn))


def test_boto3_in_a_task_is_the_task_role(fargate: Fargate) -> None:
    arn, output = run_python(fargate, IDENTITY, taskRoleArn=fargate.role_arn)
    assert output == f"arn:aws:sts::000000000000:assumed-role/{fargate.name}/{arn.rsplit('/', 1)[-1]}"


def test_without_a_task_role_there_are_no_credentials(fargate: Fargate) -> None:
    assert "NoCredentialsError" in run_python(fargate, IDENTITY)[1]


def test_role_from_the_overrides(fargate: Fargate) -> None:
    definition = fargate.register(fargate.container(image=PYTHON_IMAGE, command=[IDENTITY]))
    role = "arn:aws:iam::000000000000:role/other"
    arn = fargate.run_task(definition, overrides={"taskRoleArn": role})["tasks"][0]["taskArn"]
    fargate.wait(arn, timeout=30)
    assert ":assumed-role/other/" in fargate.output(arn)[0]


@pytest.mark.launchers("process")  # on Fargate's own address there is no token
def test_credentials_are_for_their_task_only(fargate: Fargate) -> None:
    _, output = run_python(fargate, ASK, taskRoleArn=fargate.role_arn)
    answers = json.loads(output)
    url = answers.pop("url")
    assert answers == {"right": 200, "wrong token": 403, "no token": 403, "wrong id": 404, "elsewhere": 404}
    # The task has stopped, so its credentials are gone.
    ask_again = ASK.replace('os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]', repr(url))
    _, output = run_python(fargate, ask_again, taskRoleArn=fargate.role_arn)
    assert json.loads(output)["right"] == 404


def test_metadata(fargate: Fargate) -> None:
    arn, output = run_python(fargate, METADATA)
    metadata = json.loads(output)
    task, container = metadata["task"], metadata["container"]
    assert task["TaskARN"] == arn
    assert task["Cluster"].endswith(f":cluster/{fargate.name}")
    assert (task["Revision"], task["DesiredStatus"], task["LaunchType"]) == ("1", "RUNNING", "FARGATE")
    assert task["Limits"] == {"CPU": 0.25, "Memory": 512}
    assert task["Containers"] == [container]
    assert (container["Name"], container["Image"], container["DockerId"]) == (
        "main",
        PYTHON_IMAGE,
        fargate.describe(arn)["containers"][0]["runtimeId"],
    )
    assert container["LogOptions"]["awslogs-stream"] == f"tasks/main/{arn.rsplit('/', 1)[-1]}"
