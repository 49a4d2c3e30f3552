"""CloudFormation's properties and the ECS API's parameters: the same tree in another spelling.

CloudFormation writes ``ContainerDefinitions``, the API ``containerDefinitions``; and a template may say ``"256"`` or
``"true"`` where the API wants a number or a boolean, or 256 where it wants a string. The API's own model says what is
what, and which keys are names of members and which are the user's (log options, Docker labels).
"""

from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from localstack.aws.spec import load_service

# Where CloudFormation's name is not the API's in another case.
API_NAMES = {"clustersettings": "settings", "proxyconfigurationproperties": "properties"}
CLOUDFORMATION_NAMES = {"settings": "ClusterSettings", "efsVolumeConfiguration": "EFSVolumeConfiguration"}


class UnsupportedPropertyError(ValueError):
    """A property that the API has no parameter for."""


def to_parameters(properties: Mapping[str, Any], operation: str) -> dict[str, Any]:
    """Parameters of an ECS operation from a resource's properties; raises ``UnsupportedPropertyError``."""
    shape = load_service("ecs").operation_model(operation).input_shape
    parameters: dict[str, Any] = _to_api(properties, shape, operation)
    return parameters


def to_properties(answer: Mapping[str, Any], shape_name: str) -> dict[str, Any]:
    """A resource's properties from what the ECS API describes as ``shape_name``."""
    properties: dict[str, Any] = _to_cloudformation(answer, load_service("ecs").shape_for(shape_name))
    return properties


def _to_cloudformation(value: Any, shape: Shape) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        return {
            _cloudformation_name(key): _to_cloudformation(member, shape.members[key])
            for key, member in value.items()
            if key in shape.members
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_to_cloudformation(member, shape.member) for member in value]
    return value


def _cloudformation_name(key: str) -> str:
    return CLOUDFORMATION_NAMES.get(key) or key[:1].upper() + key[1:]


def _to_api(value: Any, shape: Shape, path: str) -> Any:
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        members = {name.lower(): name for name in shape.members}
        converted = {}
        for key, member in value.items():
            lower = key.lower()
            name = members.get(lower) or members.get(API_NAMES.get(lower, ""))
            if name is None:
                raise UnsupportedPropertyError(f"Properties validation failed: {path} has no property {key}")
            if member is not None:
                converted[name] = _to_api(member, shape.members[name], f"{path}/{key}")
        return converted
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_to_api(member, shape.member, f"{path}/{index}") for index, member in enumerate(value)]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {str(key): _to_api(member, shape.value, f"{path}/{key}") for key, member in value.items()}
    return _scalar(value, shape.type_name)


def _scalar(value: Any, type_name: str) -> Any:
    if type_name == "boolean" and isinstance(value, str):
        return value.lower() == "true"
    if type_name in ("integer", "long") and isinstance(value, str):
        return int(value)
    if type_name in ("float", "double") and isinstance(value, str):
        return float(value)
    if type_name == "string" and isinstance(value, bool):
        return str(value).lower()
    if type_name == "string" and isinstance(value, int | float):
        return str(value)
    return value
