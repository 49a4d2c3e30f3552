"""Secrets of a container: values of Secrets Manager and Parameter Store that it finds in environment variables.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from ..launchers.base import ResourceInitializationError
from .execution_role import ExecutionRole
from .sdk_errors import sdk_message

SECRETS_MANAGER = "secretsmanager"
PARAMETER_STORE = "ssm"
ARN_PARTS = 7  # arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, which Secrets Manager ends in a dash and six letters
MAX_PARAMETERS = 10  # of one GetParameters


def pull_secrets(references: Sequence[Mapping[str, str]], role: ExecutionRole) -> dict[str, str]:
    """The values of a container's ``secrets`` by the variables' names.

    Raises ``ResourceInitializationError`` if one of them cannot be had, in AWS's words.
    """
    in_secrets_manager: dict[str, str] = {}
    parameters: dict[str, str] = {}
    for reference in references:
        is_secret = reference["valueFrom"].split(":")[2:3] == [SECRETS_MANAGER]
        (in_secrets_manager if is_secret else parameters)[reference["name"]] = reference["valueFrom"]
    found = {name: _secret(value_from, role) for name, value_from in in_secrets_manager.items()}
    return found | _parameters(parameters, role)


def _secret(value_from: str, role: ExecutionRole) -> str:
    """The value for an ARN of Secrets Manager, which ``:json-key:version-stage:version-id`` may follow."""
    parts = value_from.split(":")
    arn = ":".join(parts[:ARN_PARTS])
    json_key, version_stage, version_id = (*parts[ARN_PARTS:], "", "", "")[:3]
    version = {"VersionStage": version_stage, "VersionId": version_id}
    client = role.client(SECRETS_MANAGER, region=parts[3])
    try:
        answer = client.get_secret_value(SecretId=arn, **{key: value for key, value in version.items() if value})
    except ClientError as error:
        message = sdk_message(client, error)
        raise _failure("secret from asm", f"failed to fetch secret {arn} from secrets manager: {message}") from error
    text = str(answer["SecretString"]) if "SecretString" in answer else answer["SecretBinary"].decode(errors="replace")
    return _member(text, json_key) if json_key else text


def _member(text: str, key: str) -> str:
    """One value of a secret that is a JSON object."""
    try:
        members = json.loads(text)
    except ValueError as error:
        found = f"invalid character {text[:1]!r} looking for beginning of value"
        raise _failure("secret from asm", found if text else "unexpected end of JSON input") from error
    if not isinstance(members, dict) or key not in members:
        raise _failure("secret from asm", f"retrieved secret from Secrets Manager did not contain json key {key}")
    value = members[key]
    return value if isinstance(value, str) else json.dumps(value)


def _parameters(wanted: Mapping[str, str], role: ExecutionRole) -> dict[str, str]:
    """The values of parameters: by variable, each given by name or, possibly of another region, by ARN."""
    found: dict[str, str] = {}
    names = {variable: _region_and_name(value_from) for variable, value_from in wanted.items()}
    for region in {region for region, _ in names.values()}:
        of_region = {variable: name for variable, (its_region, name) in names.items() if its_region == region}
        values = _get_parameters(sorted(set(of_region.values())), region, role)
        found |= {variable: values[name] for variable, name in of_region.items()}
    return found


def _region_and_name(value_from: str) -> tuple[str | None, str]:
    """Region, None for the task's, and name of a parameter. An ARN leaves out the slash that the name begins with."""
    if not value_from.startswith("arn:"):
        return None, value_from
    region, resource = value_from.split(":")[3], value_from.split(":", 5)[5]
    name = resource.removeprefix("parameter/")
    return region, f"/{name}" if "/" in name else name


def _get_parameters(names: Sequence[str], region: str | None, role: ExecutionRole) -> dict[str, str]:
    values: dict[str, str] = {}
    invalid: list[str] = []
    client = role.client(PARAMETER_STORE, region)
    try:
        for start in range(0, len(names), MAX_PARAMETERS):
            batch = names[start : start + MAX_PARAMETERS]
            answer: dict[str, Any] = client.get_parameters(Names=batch, WithDecryption=True)
            returned = {f"{each['Name']}{each.get('Selector', '')}": each["Value"] for each in answer["Parameters"]}
            values |= returned
            invalid += [name for name in batch if name not in returned]
    except ClientError as error:
        raise _failure("secrets from ssm", sdk_message(client, error)) from error
    if invalid:
        raise _failure("secrets from ssm", f"invalid ssm parameters: {','.join(invalid)}")
    return values


def _failure(what: str, why: str) -> ResourceInitializationError:
    return ResourceInitializationError(
        "unable to pull secrets or registry auth: execution resource retrieval failed: "
        f"unable to retrieve {what}: service call has been retried 1 time(s): {why}"
    )
