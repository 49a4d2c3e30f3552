"""What all policies together say of a request, within one account.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .policy import Policy, Request, Statement

IDENTITY = "identity-based policy"
BOUNDARY = "permissions boundary"
RESOURCE = "resource-based policy"
TRUST = "role trust policy"


@dataclass(frozen=True)
class Principal:
    """Who asks, by the names that a ``Principal`` may give it.

    Attributes:
        kind: "AWS" or "Service".
        names: Of itself: the ARNs of the session and its role, or a service's name.
        session: The session's ARN, by which a permissions boundary can be passed.
        account: The account's names, which stand for what the account's own policies allow.
    """

    kind: str
    names: frozenset[str]
    session: str | None = None
    account: frozenset[str] = frozenset()

    @property
    def layers(self) -> list[frozenset[str]]:
        """Account, role and session, or service: the names of each."""
        return [*([self.account] if self.account else []), *(frozenset({name}) for name in self.names)]


@dataclass(frozen=True)
class Policies:
    """All that have a say.

    Attributes:
        resource: That of the resource, and what it is called in a denial.
        needs_resource: Whether identity-based policies count only if the resource's policy names the account: so it is
            with roles' trust policies and with keys.
    """

    identity: Sequence[Policy] = ()
    boundary: Policy | None = None
    resource: Policy | None = None
    resource_kind: str = RESOURCE
    needs_resource: bool = False


class Grant(NamedTuple):
    """A statement that allows the request; ``kind`` is one of the constants above."""

    kind: str
    policy: str
    statement: str


@dataclass(frozen=True)
class Decision:
    """Whether the request is allowed, and by what; or what denies it.

    Attributes:
        denied_by: The kind of policy that denies it, or allows it not; None if it is allowed.
        explicit: The statement that denies it, if one does.
        grants: All statements any one of which is enough to allow it.
    """

    denied_by: str | None = None
    explicit: Grant | None = None
    grants: Sequence[Grant] = field(default_factory=tuple)

    @property
    def is_allowed(self) -> bool:
        return self.denied_by is None


def evaluate(request: Request, principal: Principal, policies: Policies) -> Decision:
    """Decide: explicit denials first, then what the resource's policy allows, and the principal's own policies."""
    if denial := next(_denials(request, principal, policies), None):
        return Decision(denied_by=denial.kind, explicit=denial)
    direct = list(_granted(request, principal.kind, principal.names, policies))
    if principal.session and any(_granted(request, "AWS", frozenset({principal.session}), policies, by_name=True)):
        return Decision(grants=direct)
    is_delegated = not policies.needs_resource or any(_granted(request, "AWS", principal.account, policies))
    own = [
        Grant(IDENTITY, policy.name, each.name)
        for policy in (policies.identity if is_delegated else ())
        for each in _statements(policy, request, allowing=True)
    ]
    if not own and not direct:
        by_identity = principal.kind == "AWS" and is_delegated
        return Decision(denied_by=IDENTITY if by_identity else policies.resource_kind)
    if policies.boundary and not any(_statements(policies.boundary, request, allowing=True)):
        return Decision(denied_by=BOUNDARY)
    return Decision(grants=own + direct)


def _denials(request: Request, principal: Principal, policies: Policies) -> Iterator[Grant]:
    for policy in policies.identity:
        for statement in _statements(policy, request, allowing=False):
            yield Grant(IDENTITY, policy.name, statement.name)
    if policies.boundary:
        for statement in _statements(policies.boundary, request, allowing=False):
            yield Grant(BOUNDARY, policies.boundary.name, statement.name)
    if policies.resource:
        for statement in _statements(policies.resource, request, allowing=False):
            if _is_meant(principal, statement, has_boundary=policies.boundary is not None):
                yield Grant(policies.resource_kind, policies.resource.name, statement.name)


def _is_meant(principal: Principal, statement: Statement, *, has_boundary: bool) -> bool:
    """Whether a denial of a resource's policy is about the principal.

    A NotPrincipal spares only whom it names with role and account, and nobody who has a permissions boundary:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    """
    if statement.spared is None:
        return statement.names(principal.kind, principal.names | principal.account)
    spared = statement.spared
    return has_boundary or not all(spared.names(principal.kind, names) for names in principal.layers)


def _granted(
    request: Request, kind: str, names: frozenset[str], policies: Policies, *, by_name: bool = False
) -> Iterator[Grant]:
    """What the resource's policy allows a principal of these names; ``by_name`` leaves out what it allows anybody."""
    if policies.resource:
        for statement in _statements(policies.resource, request, allowing=True):
            if statement.names(kind, names) and not (by_name and statement.is_for_anybody):
                yield Grant(policies.resource_kind, policies.resource.name, statement.name)


def _statements(policy: Policy, request: Request, *, allowing: bool) -> Iterator[Statement]:
    return (each for each in policy.statements if each.allows == allowing and each.is_about(request))
