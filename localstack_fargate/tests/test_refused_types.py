"""What ECS refuses because of a value's JSON type. Sent by hand, since an SDK would not send, or would change it.

The words of some are quoted from ECS, of the others from DynamoDB, which is made with the same framework.
"""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from localstack_fargate.tests.conformance import refused
from localstack_fargate.tests.kit import definition_request

pytestmark = pytest.mark.launchers("process")  # what is refused reaches no launcher

CODE = "SerializationException"
STRUCTURE = "Start of structure or map found where not expected"


def row(operation: str, text: str, message: str | None, body: Any) -> Any:
    return refused(operation, text, CODE, message, operation=operation, body=json.dumps(body))


def container(**definition: Any) -> dict[str, Any]:
    return definition_request(containerDefinitions=[{"name": "main", "image": "example/shell", **definition}])


ROWS = [
    row("RunTask", "text for a number", "STRING_VALUE cannot be converted to Integer", {"count": "x"}),
    row("RunTask", "digits for a number", "STRING_VALUE cannot be converted to Integer", {"count": "1"}),
    row("RunTask", "true for a number", "TRUE_VALUE cannot be converted to Integer", {"count": True}),
    row("RunTask", "structure for a number", STRUCTURE, {"count": {}}),
    row("RunTask", "list for a number", "Unrecognized collection type class java.lang.Integer", {"count": [1]}),
    row("RunTask", "number for a text", "NUMBER_VALUE cannot be converted to String", {"taskDefinition": 1}),
    row("RunTask", "false for a text", "FALSE_VALUE cannot be converted to String", {"taskDefinition": False}),
    row("RunTask", "text for a truth value", None, {"enableECSManagedTags": "yes"}),
    row(
        "RunTask",
        "text in a list of structures in a structure",
        "Unexpected value type in payload",
        {"overrides": {"containerOverrides": ["main"]}},
    ),
    row("DescribeTasks", "text for a list", "Unexpected field type", {"tasks": "abc"}),
    row("DescribeTasks", "number in a list of texts", "NUMBER_VALUE cannot be converted to String", {"tasks": [1]}),
    row("RegisterTaskDefinition", "structure for a list", STRUCTURE, {"family": "x", "containerDefinitions": {}}),
    row(
        "RegisterTaskDefinition",
        "list for the request",
        "Unrecognized collection type class com.amazonaws.madison.frontend.RegisterTaskDefinitionRequest",
        [],
    ),
    row(
        "RegisterTaskDefinition",
        "number of a container as text",
        "STRING_VALUE cannot be converted to Integer",
        container(memory="128"),
    ),
    row("RegisterTaskDefinition", "text for a map", "Unexpected field type", container(dockerLabels="x")),
    row(
        "RegisterTaskDefinition",
        "number in a map of texts",
        "NUMBER_VALUE cannot be converted to String",
        container(dockerLabels={"x": 1}),
    ),
    row("ListServices", "text for a number, also of what moto answers", None, {"maxResults": "x"}),
    refused("RunTask", "request that is not JSON", CODE, operation="RunTask", body="{"),
]


def send(endpoint: str, operation: str, body: str) -> tuple[int, dict[str, Any]]:
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}",
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host, "
        "Signature=0",
    }
    request = urllib.request.Request(endpoint, body.encode(), headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.parametrize(("request_", "code", "message"), ROWS)
def test_refused(endpoint: str, request_: dict[str, str], code: str, message: str | None) -> None:
    status, answer = send(endpoint, request_["operation"], request_["body"])
    assert (status, answer.get("__type")) == (400, code), answer
    assert message in (None, answer["message"])


def test_null_is_of_each_type_and_what_is_unknown_is_ignored(endpoint: str) -> None:
    body = {"familyPrefix": None, "maxResults": None, "status": "ACTIVE", "more": 1}
    assert send(endpoint, "ListTaskDefinitionFamilies", json.dumps(body))[0] == 200


def test_an_unknown_operation_is_left_to_localstack(endpoint: str) -> None:
    assert send(endpoint, "RunTasks", "[]")[0] != 400
