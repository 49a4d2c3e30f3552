"""The gateway's handlers that let IAM have its say, and the address at which they tell what was used.

    GET /_fargate/iam

answers the ledger as JSON.
"""

import json
from typing import Any

from localstack.aws.handlers import serve_custom_service_request_handlers
from localstack.aws.protocol.serializer import create_serializer
from localstack.http import Request, Response, route
from localstack.runtime import get_current_runtime
from localstack.services.edge import ROUTER

from . import alarms, post_form
from .actions import Call, Permission, iam_name, needed
from .authorization import Authorization, request_keys
from .callers import Caller, ExpiredToken, InvalidToken, acting_as, caller_of
from .denials import access_denied, expired_token, invalid_token
from .function_logs import creates_existing_group
from .keys import key_permissions
from .ledger import Ledger
from .managed_rule import rule_permissions, rule_role
from .missing_keys import missing_key_permission
from .principals import find_role_by_arn
from .resources import FOR_SERVICES

PATH = "/_fargate/iam"
# A role's session would get the account's own credentials from LocalStack, and so out of its policies.
NOT_FOR_SESSIONS = frozenset({"GetFederationToken", "GetSessionToken"})


def install() -> None:
    """Let IAM have its say in all requests.

    Raises:
        ValueError, AttributeError: This LocalStack is not the one that we know.
    """
    enforcement = Enforcement()
    gateway = get_current_runtime().components.gateway
    handlers = gateway.request_handlers
    handlers.insert(handlers.index(serve_custom_service_request_handlers), enforcement.check)
    gateway.response_handlers.insert(0, enforcement.check_missing_key)
    ROUTER.add(enforcement)
    alarms.install()


class Enforcement:
    """IAM's say in the requests of LocalStack's gateway."""

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._authorization = Authorization(self._ledger)

    def check(self, _chain: Any, context: Any, _response: Any) -> None:
        """Handle a parsed request: raise AWS's error if whoever sends it may not."""
        if not context.service or not context.operation:
            return
        caller = _caller(context)
        call = _call(context, caller)
        if caller is None and call.service == "sts" and call.operation == "AssumeRole":
            _check_role_exists(call, context)
        asked = [(caller, permission) for permission in _needed_by(caller, call, context)] if caller else []
        maker_arn = rule_role(call)
        maker = find_role_by_arn(maker_arn) if maker_arn else None
        if maker:
            asked += [(acting_as(maker), permission) for permission in rule_permissions(call)]
        refusal = self._authorization.refusal(asked, request_keys(context)) if asked else None
        if refusal and refusal.caller is caller:
            raise access_denied(context, refusal.message)
        if refusal or (maker_arn and not maker):
            raise access_denied(context, f"'{maker_arn}' is not authorized to create managed-rule.")

    def check_missing_key(self, _chain: Any, context: Any, response: Any) -> None:
        """Handle S3's answer that a key is missing: who may not list the bucket may not know that either."""
        if context.service_exception is None or not context.operation or context.service.service_name != "s3":
            return
        permission = missing_key_permission(_call(context), context.service_exception)
        caller = _caller(context) if permission else None
        if permission is None or caller is None or caller.role is None:
            return
        if refusal := self._authorization.refusal([(caller, permission)], request_keys(context)):
            context.service_exception = access_denied(context, refusal.message)
            serializer = create_serializer(context.service, context.protocol)
            response.update_from(
                serializer.serialize_error_to_response(
                    context.service_exception, context.operation, context.request.headers, context.request_id
                )
            )

    @route(PATH, methods=["GET"])
    def tell(self, _request: Request) -> Response:
        """The ledger."""
        return Response(json.dumps(self._ledger.as_json()), mimetype="application/json")


def _needed_by(caller: Caller, call: Call, context: Any) -> list[Permission]:
    """What the caller needs for the call."""
    if caller.role is not None and call.service == "sts" and call.operation in NOT_FOR_SESSIONS:
        raise access_denied(context, f"Cannot call {call.operation} with session credentials")
    if context.is_internal_call and creates_existing_group(call):
        return []
    permissions = [*needed(call), *key_permissions(call)]
    return [each for each in permissions if caller.role is not None or each.action in FOR_SERVICES]


def _call(context: Any, caller: Caller | None = None) -> Call:
    operation, parameters = context.operation.name, context.service_request or {}
    if operation == post_form.OPERATION:
        operation, parameters = "PutObject", {**parameters, **post_form.put_parameters(context.request)}
    # Of a presigned URL or form LocalStack does not know whose it is.
    account = caller.account if caller and caller.role else None
    return Call(
        iam_name(context.service),
        operation,
        parameters,
        account or context.account_id,
        context.region,
        context.partition,
    )


def _caller(context: Any) -> Caller | None:
    try:
        return caller_of(context)
    except InvalidToken:
        raise invalid_token(context) from None
    except ExpiredToken:
        raise expired_token(context) from None


def _check_role_exists(call: Call, context: Any) -> None:
    """Not even the operator can be a role that is none."""
    arn = str(call.parameters.get("RoleArn"))
    if find_role_by_arn(arn) is None:
        user = f"arn:{call.partition}:iam::{call.account}:root"
        raise access_denied(context, f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {arn}")
