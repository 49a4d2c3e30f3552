"""Who sends a request: the operator, a role's session, or a service for itself.

LocalStack knows sessions by their access key, and marks what its services ask of each other by a header.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from localstack.services.sts.models import sts_stores
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header

from . import post_form
from .evaluation import Principal
from .patterns import Context
from .principals import OF_ALL_REGIONS, Role, find_role
from .resources import bucket_owner

SESSION_KEY = "LSIA"  # what the access key of a session of LocalStack's begins with


class InvalidToken(Exception):
    """The session's role, or the session itself, does not exist."""


class ExpiredToken(Exception):
    """The session has ended."""


@dataclass(frozen=True)
class Caller:
    """Whose policies count.

    Attributes:
        name: What a denial calls it: the session's ARN, or the service's name.
        account: The account that it belongs to, or acts for; None for that of whatever it wants.
        role: Of a session; a service has none.
        context: Condition keys of the caller.
    """

    name: str
    principal: Principal
    account: str | None
    role: Role | None
    context: Context


def caller_of(context: Any) -> Caller | None:
    """Whoever sends LocalStack's request ``context``; None for the operator, who may do anything.

    Raises:
        InvalidToken, ExpiredToken
    """
    key = _access_key(context)
    session = sts_stores[context.account_id][OF_ALL_REGIONS].credentials.get(key)
    if session is not None:
        if ":assumed-role/" not in session.arn:
            return None  # the account's own, or a federated user's
        # LocalStack's services keep their sessions for ever, where AWS's renew them.
        if session.expiration < datetime.now(UTC) and not context.is_internal_call:
            raise ExpiredToken
        return _of_session(session)
    if key.startswith(SESSION_KEY):
        raise InvalidToken
    parameters = context.internal_request_params or {}
    if service := parameters.get("service_principal"):
        return _of_service(f"{service}.amazonaws.com", parameters.get("source_arn"))
    return None


def _access_key(context: Any) -> str:
    """The access key that a request, a presigned URL or a presigned form names."""
    request = context.request
    if context.operation.name == post_form.OPERATION and (key := post_form.access_key(request)):
        return key
    for parameter in ("X-Amz-Credential", "AWSAccessKeyId"):
        if value := request.args.get(parameter):
            return str(value).partition("/")[0]
    return extract_access_key_id_from_auth_header(request.headers) or ""


def acting_as(role: Role) -> Caller:
    """Who does something as the role, without a session that had a name."""
    account = role.arn.split(":")[4]
    partition = role.arn.split(":")[1]
    context = {
        "aws:principalaccount": (account,),
        "aws:principalarn": (role.arn,),
        "aws:principalisawsservice": ("false",),
        "aws:principaltype": ("AssumedRole",),
        **{f"aws:principaltag/{key.lower()}": (value,) for key, value in role.tags.items()},
    }
    names = frozenset({account, f"arn:{partition}:iam::{account}:root"})
    return Caller(role.arn, Principal("AWS", frozenset({role.arn}), None, names), account, role, context)


def _of_session(session: Any) -> Caller:
    identity = {"aws:sourceidentity": (session.source_identity,)} if session.source_identity else {}
    _, role_name, session_name = session.arn.split(":", 5)[5].split("/", 2)
    role = find_role(session.account_id, role_name)
    if role is None or role.id != session.user_id.partition(":")[0]:
        raise InvalidToken
    unnamed = acting_as(role)
    return Caller(
        session.arn,
        replace(unnamed.principal, names=unnamed.principal.names | {session.arn}, session=session.arn),
        session.account_id,
        role,
        {
            **unnamed.context,
            **{f"aws:principaltag/{key}": (str(tag["Value"]),) for key, tag in session.tags.items()},
            "aws:userid": (session.user_id,),
            "sts:rolesessionname": (session_name,),
            **identity,
        },
    )


def _of_service(service: str, source_arn: str | None) -> Caller:
    account = _owner(source_arn) if source_arn else None
    context = {"aws:principalisawsservice": ("true",), "aws:principalservicename": (service,)}
    if source_arn:
        context["aws:sourcearn"] = (source_arn,)
    if account:
        context["aws:sourceaccount"] = (account,)
    return Caller(service, Principal("Service", frozenset({service})), account, None, context)


def _owner(arn: str) -> str | None:
    """The account of a resource; a bucket's ARN does not name it."""
    parts = arn.split(":", 5)
    if len(parts) > 4 and parts[4]:
        return parts[4]
    return bucket_owner(parts[-1].partition("/")[0])
