"""Refuses ECS's requests that have JSON of other types than the API's, before anything looks at what they say.

LocalStack takes some of them for what they are not, such as a text for the list of its letters, and answers others with
HTTP 500. AWS's words are those of the framework that ECS is made with, which other services of its age share.
"""

from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from werkzeug.exceptions import BadRequest

from ..ecs.exceptions import SerializationException

# What JSON may have for a type of the API, and the type's Java class.
SCALARS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "java.lang.String"),
    "boolean": ((bool,), "java.lang.Boolean"),
    "integer": ((int, float), "java.lang.Integer"),
    "long": ((int, float), "java.lang.Long"),
    "double": ((int, float), "java.lang.Double"),
    "timestamp": ((int, float), "java.util.Date"),
}
STRUCTURE_CLASS = "class com.amazonaws.madison.frontend"  # of ECS's own types
MAP_CLASS = "java.util.Map<java.lang.String, java.lang.String>"
UNEXPECTED_FIELD = "Unexpected field type"
UNEXPECTED_VALUE = "Unexpected value type in payload"
UNEXPECTED_STRUCTURE = "Start of structure or map found where not expected"


def check_types(shape: Shape, value: Any, unexpected: str = UNEXPECTED_VALUE) -> None:
    """Check what was parsed from JSON against the API.

    :param unexpected: what AWS says if this should be a structure, a list or a map, and is none of them
    :raises SerializationException: a value, however deep, is of another type; null is of each
    """
    if value is None or getattr(shape, "is_document_type", False):
        return
    if isinstance(shape, StructureShape):
        for name, member in _members(value, f"{STRUCTURE_CLASS}.{shape.name}", unexpected).items():
            if name in shape.members:  # AWS ignores what it does not know
                check_types(shape.members[name], member, UNEXPECTED_FIELD)
    elif isinstance(shape, MapShape):
        for member in _members(value, MAP_CLASS, unexpected).values():
            check_types(shape.value, member)
    elif isinstance(shape, ListShape):
        if isinstance(value, dict):
            raise SerializationException(UNEXPECTED_STRUCTURE)
        if not isinstance(value, list):
            raise SerializationException(unexpected)
        for member in value:
            check_types(shape.member, member)
    else:
        _check_scalar(shape, value)


def install() -> None:
    """Let the check come before LocalStack's own reading of a request.

    :raises ValueError: this LocalStack's gateway is not the one that we know
    """
    from localstack.aws.handlers import parse_service_request
    from localstack.runtime import get_current_runtime

    def refuse_wrong_types(_chain: Any, context: Any, _response: Any) -> None:
        if context.service and context.service.service_name == "ecs":
            _check_request(context)

    handlers = get_current_runtime().components.gateway.request_handlers
    handlers.insert(handlers.index(parse_service_request), refuse_wrong_types)


def _check_request(context: Any) -> None:
    name = context.request.headers.get("X-Amz-Target", "").rpartition(".")[2]
    if name not in context.service.operation_names:
        return  # LocalStack says so
    context.operation = context.service.operation_model(name)  # without which no error can be answered
    try:
        parameters = context.request.get_json(force=True) if context.request.data else {}
    except BadRequest as error:
        raise SerializationException("The request is not JSON") from error
    check_types(context.operation.input_shape, parameters)


def _members(value: Any, java_class: str, unexpected: str) -> dict[str, Any]:
    if isinstance(value, list):
        raise SerializationException(f"Unrecognized collection type {java_class}")
    if not isinstance(value, dict):
        raise SerializationException(unexpected)
    return value


def _check_scalar(shape: Shape, value: Any) -> None:
    accepted, java_class = SCALARS[shape.type_name]
    if isinstance(value, list):
        raise SerializationException(f"Unrecognized collection type class {java_class}")
    if isinstance(value, dict):
        raise SerializationException(UNEXPECTED_STRUCTURE)
    if type(value) not in accepted:  # to isinstance, true is a number
        raise SerializationException(f"{_token(value)} cannot be converted to {java_class.rpartition('.')[2]}")


def _token(value: str | float) -> str:
    match value:
        case str():
            return "STRING_VALUE"
        case bool():
            return "TRUE_VALUE" if value else "FALSE_VALUE"
        case int():
            return "NUMBER_VALUE"
    return "DECIMAL_VALUE"
