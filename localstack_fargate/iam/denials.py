"""AWS's refusals: its words, and each service's own error code.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from collections.abc import Mapping
from typing import Any

from localstack.aws.api import CommonServiceException

from .evaluation import BOUNDARY, IDENTITY, RESOURCE, TRUST, Decision

ARTICLES: Mapping[str, str] = {
    BOUNDARY: f"a {BOUNDARY}",
    IDENTITY: f"an {IDENTITY}",
    RESOURCE: f"a {RESOURCE}",
    TRUST: f"the {TRUST}",
}
# Service, or protocol → error code and HTTP status.
ACCESS_DENIED: Mapping[str, tuple[str, int]] = {
    "ec2": ("UnauthorizedOperation", 403),
    "s3": ("AccessDenied", 403),
    "sns": ("AuthorizationError", 403),
    "sqs": ("AccessDenied", 403),
    "json": ("AccessDeniedException", 400),
    "rest-json": ("AccessDeniedException", 403),
    "query": ("AccessDenied", 403),
}
INVALID_TOKEN: Mapping[str, tuple[str, int]] = {
    "s3": ("InvalidAccessKeyId", 403),
    "json": ("UnrecognizedClientException", 400),
    "rest-json": ("UnrecognizedClientException", 403),
    "query": ("InvalidClientTokenId", 403),
}
EXPIRED_TOKEN: Mapping[str, tuple[str, int]] = {
    "s3": ("ExpiredToken", 400),
    "json": ("ExpiredTokenException", 400),
    "rest-json": ("ExpiredTokenException", 403),
    "query": ("ExpiredToken", 403),
}


def access_denied(context: Any, message: str) -> CommonServiceException:
    """The error of a caller who may not."""
    return _error(ACCESS_DENIED, context, message)


def invalid_token(context: Any) -> CommonServiceException:
    """The error of a session that is nobody's."""
    in_s3 = "The AWS Access Key Id you provided does not exist in our records."
    others = "The security token included in the request is invalid."
    return _error(INVALID_TOKEN, context, in_s3 if context.service.service_name == "s3" else others)


def expired_token(context: Any) -> CommonServiceException:
    """The error of a session that has ended."""
    in_s3 = "The provided token has expired."
    others = "The security token included in the request is expired"
    return _error(EXPIRED_TOKEN, context, in_s3 if context.service.service_name == "s3" else others)


def message(caller: str, action: str, resource: str, decision: Decision) -> str:
    """Who may not do what, and which kind of policy it is that says so, or should allow it and does not."""
    service, _, name = action.partition(":")
    kind = decision.denied_by or IDENTITY
    spelled = {"sqs": action.lower(), "sns": f"SNS:{name}"}.get(service, action)
    on = f'"{resource}"' if service == "s3" else resource
    said = f"User: {caller} is not authorized to perform: {spelled} on resource: {on}"
    if decision.explicit:
        return f"{said} with an explicit deny in {ARTICLES[kind]}"
    return f"{said} because no {kind} allows the {spelled} action"


def _error(codes: Mapping[str, tuple[str, int]], context: Any, text: str) -> CommonServiceException:
    code, status = codes.get(context.service.service_name) or codes.get(context.protocol) or codes["query"]
    return CommonServiceException(code, text, status, sender_fault=True)
