"""What RegisterTaskDefinition refuses: rows of the conformance table, and how each is tried."""

from functools import partial
from typing import Any

from localstack_fargate.tests.conformance import check_refusal
from localstack_fargate.tests.conformance import refused as refused_row
from localstack_fargate.tests.kit import definition_request, make_client

CLIENT = "ClientException"
ROLE = "arn:aws:iam::000000000000:role/execution"
NO_EXECUTION_ROLE = "Fargate requires task definition to have execution role ARN to support"

refused = partial(refused_row, "RegisterTaskDefinition")


def container(name: str = "main", **definition: Any) -> dict[str, Any]:
    return {"name": name, "image": "example/shell", **definition}


def one(**definition: Any) -> dict[str, Any]:
    """The request's containers: one, with this added."""
    return {"containerDefinitions": [container(**definition)]}


def two(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    return {"containerDefinitions": [container("first", **first), container("second", **second)]}


def ec2(**definition: Any) -> dict[str, Any]:
    """A definition for EC2, without a size."""
    none = {"cpu": None, "memory": None, "networkMode": "bridge", "requiresCompatibilities": ["EC2"]}
    return {**none, **definition}


def unsupported(name: str) -> str:
    return f"Fargate compatible task definitions do not support {name}"


def check_registration(endpoint: str, request: dict[str, Any], code: str, message: str | None) -> None:
    """Assert that ECS refuses a definition with this added, and keeps nothing of it."""
    given = definition_request(**request)
    check_refusal(make_client("ecs", endpoint, checking=False).register_task_definition, given, code, message)
    answer = make_client("ecs", endpoint).list_task_definition_families(familyPrefix=given["family"])
    assert answer["families"] == []
