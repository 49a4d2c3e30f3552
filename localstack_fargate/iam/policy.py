"""Policy documents: whether a statement is about a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from .conditions import Condition, MalformedPolicy, NullCondition, read_conditions
from .patterns import ArnPattern, Context, Pattern, without_variables

LOG = logging.getLogger(__name__)

WITH_VARIABLES = "2012-10-17"  # an earlier Version takes ${…} for its letters


@dataclass(frozen=True)
class Request:
    """One thing that somebody wants to do: ``s3:GetObject`` on an ARN, or on ``*`` if the action knows no resources."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Principals:
    """A ``Principal``: kind ("AWS", "Service", …) → names; ``"*"`` is every principal of every kind."""

    by_kind: Mapping[str, frozenset[str]]
    is_anybody: bool = False

    def names(self, kind: str, names: frozenset[str]) -> bool:
        """Whether one of these names of a principal is in it."""
        mine = self.by_kind.get(kind, frozenset())
        return self.is_anybody or not mine.isdisjoint(names)


@dataclass(frozen=True)
class Statement:
    """One statement. ``name`` is its Sid, or its position ("statement 1"); None stands for an element it lacks.

    Attributes:
        spared: Its NotPrincipal.
    """

    name: str
    allows: bool
    actions: Sequence[Pattern]
    resources: Sequence[ArnPattern] | None
    conditions: Sequence[Condition | NullCondition]
    principals: Principals | None
    spared: Principals | None = None
    all_actions_but: bool = False
    all_resources_but: bool = False

    def is_about(self, request: Request) -> bool:
        """Whether action, resource and conditions are the request's, whoever asks."""
        return (
            any(action.matches(request.action, {}) for action in self.actions) != self.all_actions_but
            and self._is_about_resource(request)
            and all(condition.holds(request.context) for condition in self.conditions)
        )

    def _is_about_resource(self, request: Request) -> bool:
        if self.resources is None:  # a trust policy is about its role
            return True
        found = any(resource.matches(request.resource, request.context) for resource in self.resources)
        return found != self.all_resources_but

    def names(self, kind: str, names: frozenset[str]) -> bool:
        """Whether a resource's policy means a principal of one of these names."""
        return self.principals is not None and self.principals.names(kind, names)

    @property
    def is_for_anybody(self) -> bool:
        """Whether it means whom it does not name."""
        return self.principals is not None and self.principals.is_anybody


@dataclass(frozen=True)
class Policy:
    """A document under a name: an inline policy's, or the ARN of a managed one."""

    name: str
    statements: Sequence[Statement]

    def without(self, statement: str) -> "Policy":
        """The policy as it would be with a statement less."""
        return Policy(self.name, [each for each in self.statements if each.name != statement])


@lru_cache(maxsize=1024)
def read_policy(name: str, document: str) -> Policy:
    """Read a document, JSON or URL-encoded JSON as IAM keeps it.

    Since what is known is remembered by its text, a document that is changed is read anew, and others are not.
    Raises ``MalformedPolicy``.
    """
    try:
        content = json.loads(document if document.lstrip().startswith("{") else unquote(document))
        version = content.get("Version")
        statements = [_statement(each, number, version) for number, each in enumerate(_list(content["Statement"]), 1)]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        if isinstance(error, MalformedPolicy):
            raise
        raise MalformedPolicy(f"{name} is no policy document: {error!r}") from error
    return Policy(name, statements)


def read_or_deny(name: str, document: str) -> Policy:
    """The policy; one that cannot be read denies everything to everybody, for nobody can tell what it should."""
    try:
        return read_policy(name, document)
    except MalformedPolicy as error:
        LOG.error("The policy %s denies everything, because it cannot be read: %s", name, error)
        anybody = Principals({}, is_anybody=True)
        return Policy(name, [Statement("malformed", False, (Pattern("*"),), (ArnPattern("*"),), (), anybody)])


def _statement(element: Mapping[str, Any], number: int, version: str | None) -> Statement:
    variables = version == WITH_VARIABLES
    effect = element["Effect"]
    if effect not in ("Allow", "Deny"):
        raise MalformedPolicy(f"there is no effect {effect}")
    resources = element.get("Resource", element.get("NotResource"))
    arns = None if resources is None else [_arn(each, variables) for each in _list(resources)]
    principals, spared = (
        _principals(element[each]) if each in element else None for each in ("Principal", "NotPrincipal")
    )
    if spared is not None and effect != "Deny":
        raise MalformedPolicy("NotPrincipal goes with Deny only")
    return Statement(
        name=element.get("Sid") or f"statement {number}",
        allows=effect == "Allow",
        actions=[
            Pattern(action, ignore_case=True)
            for action in _list(element["Action"] if "Action" in element else element["NotAction"])
        ],
        resources=arns,
        conditions=read_conditions(element.get("Condition") or {}, with_variables=variables),
        principals=principals,
        spared=spared,
        all_actions_but="NotAction" in element,
        all_resources_but="NotResource" in element,
    )


def _arn(text: str, with_variables: bool) -> ArnPattern:
    return ArnPattern(text if with_variables else without_variables(text))


def _principals(element: Any) -> Principals:
    if element == "*":
        return Principals({}, is_anybody=True)
    by_kind = {kind: frozenset(_list(names)) for kind, names in element.items()}
    return Principals(by_kind, is_anybody="*" in by_kind.get("AWS", ()))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
