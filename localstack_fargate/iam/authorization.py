"""Whether a caller may do what a call needs: its policies and the resource's are found, asked, and the answer noted."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from .actions import Permission
from .callers import Caller
from .denials import message
from .evaluation import Decision, Policies, evaluate
from .ledger import Ledger
from .patterns import Context
from .policy import Request
from .resources import resource_policy


class Refusal(NamedTuple):
    """Who may not do something, and AWS's words for it."""

    caller: Caller
    message: str


class Authorization:
    """IAM's decisions, which the ledger keeps."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def refusal(self, asked: Iterable[tuple[Caller, Permission]], keys: Context) -> Refusal | None:
        """The first of all that a call needs which is denied; None if nothing is, and only then was any of it used.

        :param keys: condition keys of the request itself, see ``request_keys``
        """
        used = []
        for caller, permission in asked:
            request, decision = _decide(caller, permission, keys)
            if not decision.is_allowed:
                said = message(caller.name, permission.action, permission.resource, decision)
                self._ledger.deny(said)
                return Refusal(caller, said)
            used.append((caller.role.arn if caller.role else caller.name, request, decision))
        for use in used:
            self._ledger.allow(*use)
        return None


def request_keys(context: Any) -> dict[str, tuple[str, ...]]:
    """The condition keys that every request of LocalStack's gateway has.

    Nobody speaks TLS to an emulator, whose address stands for AWS's: ``aws:SecureTransport`` is true.
    """
    now = datetime.now(UTC)
    agent = context.request.headers.get("User-Agent")
    keys = {
        "aws:currenttime": (now.strftime("%Y-%m-%dT%H:%M:%SZ"),),
        "aws:epochtime": (str(int(now.timestamp())),),
        "aws:requestedregion": (context.region,),
        "aws:securetransport": ("true",),
        "aws:sourceip": (context.request.remote_addr or "127.0.0.1",),
        **_of_tags(context.service_request or {}),
    }
    return keys | ({"aws:useragent": (agent,)} if agent else {})


def _of_tags(parameters: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The tags that a request puts on something: a map, or a list whose members' names differ by service."""
    given = parameters.get("Tags") or parameters.get("tags") or ()
    if isinstance(given, Mapping):
        tags = given
    else:
        lower = [{name.lower(): value for name, value in tag.items()} for tag in given if isinstance(tag, Mapping)]
        tags = {tag["key"]: tag.get("value", "") for tag in lower if "key" in tag}
    keys = {f"aws:requesttag/{key.lower()}": (str(value),) for key, value in tags.items()}
    return keys | ({"aws:tagkeys": tuple(tags)} if tags else {})


def _of_account(permission: Permission) -> dict[str, tuple[str, ...]]:
    account = (permission.resource.split(":", 5) + [""] * 5)[4]
    return {"aws:resourceaccount": (account,)} if account else {}


def _decide(caller: Caller, permission: Permission, keys: Context) -> tuple[Request, Decision]:
    context = {**_of_account(permission), **keys, **caller.context, **permission.context}
    if permission.action == "sts:AssumeRole" and caller.account is None:
        # A service acts as a role for what is in the role's own account: that is where PassRole lets it have it.
        context["aws:sourceaccount"] = context["aws:resourceaccount"]
    request = Request(permission.action, permission.resource, context)
    found = resource_policy(permission.action, permission.resource)
    role = caller.role
    policies = Policies(
        identity=role.policies if role else (),
        boundary=role.boundary if role else None,
        resource=found.policy,
        resource_kind=found.kind,
        needs_resource=found.is_needed,
    )
    return request, evaluate(request, caller.principal, policies)
