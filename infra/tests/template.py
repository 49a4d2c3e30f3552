"""The template, read from its text."""

from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms: ``!Ref X`` becomes ``{"Ref": "X"}``."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix: value}


_Loader.add_multi_constructor("!", _intrinsic)  # type: ignore[no-untyped-call] # its stub has no types


def read_template() -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _Loader)  # noqa: S506 - a SafeLoader
    return content


def properties(template: dict[str, Any], resource: str) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][resource]["Properties"]
    return found


def resources_of(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Name → properties of all resources of a type, such as ``AWS::Lambda::Function``."""
    return {name: each["Properties"] for name, each in template["Resources"].items() if each["Type"] == kind}


def policies(template: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every Allow statement of every role, with the name of its resource."""
    documents = [
        *((name, each["PolicyDocument"]) for name, each in resources_of(template, "AWS::IAM::Policy").items()),
        *(
            (name, policy["PolicyDocument"])
            for name, each in resources_of(template, "AWS::IAM::Role").items()
            for policy in each.get("Policies", [])
        ),
    ]
    return [(name, statement) for name, document in documents for statement in document["Statement"]]
