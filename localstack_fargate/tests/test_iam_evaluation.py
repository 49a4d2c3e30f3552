"""What policies say of a request, by tables of documents."""

import json
from typing import Any

import pytest

from localstack_fargate.iam.conditions import MalformedPolicy, read_conditions
from localstack_fargate.iam.evaluation import BOUNDARY, IDENTITY, RESOURCE, TRUST, Policies, Principal, evaluate
from localstack_fargate.iam.patterns import ArnPattern, Pattern
from localstack_fargate.iam.policy import Policy, Request, read_or_deny, read_policy

ROLE = "arn:aws:iam::000000000000:role/worker"
SESSION = "arn:aws:sts::000000000000:assumed-role/worker/task"
ACCOUNT = frozenset({"000000000000", "arn:aws:iam::000000000000:root"})
WORKER = Principal("AWS", frozenset({ROLE, SESSION}), SESSION, ACCOUNT)
SERVICE = Principal("Service", frozenset({"s3.amazonaws.com"}))
READ = Request("s3:GetObject", "arn:aws:s3:::films/a/b.mp4", {"aws:securetransport": ("true",)})


def policy(*statements: dict[str, Any], name: str = "p") -> Policy:
    return read_policy(name, json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def allow(action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return allow(action, resource, **more) | {"Effect": "Deny"}


def to(*, aws: Any = None, service: Any = None) -> dict[str, Any]:
    return {"Principal": {kind: name for kind, name in (("AWS", aws), ("Service", service)) if name}}


def all_but(*, aws: Any = None, service: Any = None) -> Policy:
    """A resource's policy that denies it to all others."""
    spared = to(aws=aws, service=service)["Principal"]
    return policy(
        {"Sid": "Others", "Effect": "Deny", "NotPrincipal": spared, "Action": "s3:*", "Resource": "*"},
        allow(Principal={"Service": "s3.amazonaws.com"}),
    )


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("s3:Get*", "s3:GetObject", True),
        ("S3:getobject", "s3:GetObject", True),
        ("s3:Get?bject", "s3:GetObject", True),
        ("s3:Get", "s3:GetObject", False),
        ("*", "s3:GetObject", True),
        ("s3:*", "s3-object-lambda:GetObject", False),
    ],
)
def test_actions(pattern: str, value: str, matches: bool) -> None:
    assert Pattern(pattern, ignore_case=True).matches(value, {}) is matches


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        ("arn:aws:s3:::films/*", "arn:aws:s3:::films/a/b:c.mp4", True),
        ("arn:aws:s3:::films/*", "arn:aws:s3:::films", False),
        ("arn:aws:s3:::films*", "arn:aws:s3:::films-2/a", True),
        ("arn:aws:s3:::FILMS/*", "arn:aws:s3:::films/a", False),
        ("arn:aws:s3:::films/${aws:PrincipalTag/team}/*", "arn:aws:s3:::films/red/a", True),
        ("arn:aws:s3:::films/${aws:PrincipalTag/team}/*", "arn:aws:s3:::films/blue/a", False),
        ("arn:aws:s3:::films/${aws:PrincipalTag/none}/*", "arn:aws:s3:::films//a", False),
        ("arn:aws:s3:::films/${aws:PrincipalTag/none, 'any'}/*", "arn:aws:s3:::films/any/a", True),
        ("arn:aws:s3:::films/${aws:PrincipalTag/star}/*", "arn:aws:s3:::films/x/a", False),  # a value has no wildcards
        ("arn:aws:s3:::films/a${*}", "arn:aws:s3:::films/a*", True),
        ("arn:aws:s3:::films/a${*}", "arn:aws:s3:::films/ab", False),
        ("arn:aws:s3:::films/a$b", "arn:aws:s3:::films/a$b", True),
        ("arn:aws:ecs:*:*:task-definition/t:*", "arn:aws:ecs:us-east-1:000000000000:task-definition/t:7", True),
        ("arn:aws:ecs:*:task-definition/t", "arn:aws:ecs:us-east-1:000000000000:task-definition/t", False),
        ("arn:aws:ecs:us-east-1", "arn:aws:ecs:us-east-1:000000000000:cluster/c", True),  # what is missing is *
        ("*", "*", True),
        ("arn:aws:s3:::*", "*", False),  # the action knows no resources
    ],
)
def test_resources(pattern: str, value: str, matches: bool) -> None:
    context = {"aws:principaltag/team": ("red",), "aws:principaltag/star": ("*",)}
    assert ArnPattern(pattern).matches(value, context) is matches


@pytest.mark.parametrize("version", [{"Version": "2008-10-17"}, {}], ids=["old", "none"])
@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"Condition": {"StringEquals": {"s3:prefix": "${aws:userid}"}}},
        {"Condition": {"StringLike": {"s3:prefix": "${aws:user*}"}}},
    ],
    ids=["resource", "equals", "like"],
)
def test_variables_are_letters_to_an_old_version(version: dict[str, str], condition: dict[str, Any]) -> None:
    statement = allow(resource="arn:aws:s3:::films/${aws:userid}", **condition)
    old = Policies([read_policy("old", json.dumps({**version, "Statement": statement}))])

    def is_allowed(key: str, prefix: str) -> bool:
        context = {"aws:userid": ("me",), "s3:prefix": (prefix,)}
        return evaluate(Request("s3:GetObject", f"arn:aws:s3:::films/{key}", context), WORKER, old).is_allowed

    assert is_allowed("${aws:userid}", "${aws:userid}")
    assert not is_allowed("me", "${aws:userid}")
    assert is_allowed("${aws:userid}", "me") is not bool(condition)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"StringEquals": {"K": "a"}}, True),
        ({"StringEquals": {"k": ["b", "a"]}}, True),
        ({"StringEquals": {"k": "A"}}, False),
        ({"StringEquals": {"k": "*"}}, False),
        ({"StringEquals": {"k": "${other}"}}, False),
        ({"StringEquals": {"same": "${k}"}}, True),
        ({"StringEquals": {"none": "a"}}, False),
        ({"StringEqualsIfExists": {"none": "a"}}, True),
        ({"StringEqualsIfExists": {"k": "b"}}, False),
        ({"StringNotEquals": {"k": ["b", "c"]}}, True),
        ({"StringNotEquals": {"k": ["b", "a"]}}, False),
        ({"StringNotEquals": {"none": "a"}}, True),
        ({"StringEqualsIgnoreCase": {"k": "A"}}, True),
        ({"StringNotEqualsIgnoreCase": {"k": "A"}}, False),
        ({"StringLike": {"path": "a/*"}}, True),
        ({"StringLike": {"path": "A/*"}}, False),
        ({"StringNotLike": {"path": "a/*"}}, False),
        ({"ArnEquals": {"arn": "arn:aws:sns:*:000000000000:t*"}}, True),
        ({"ArnLike": {"arn": "arn:aws:sns:us-east-1:*:other"}}, False),
        ({"ArnNotLike": {"arn": "arn:aws:sns:us-east-1:*:other"}}, True),
        ({"Bool": {"yes": "true"}}, True),
        ({"Bool": {"yes": True}}, True),
        ({"Bool": {"yes": "False"}}, False),
        ({"Bool": {"none": "false"}}, False),
        ({"BoolIfExists": {"none": "false"}}, True),
        ({"Null": {"none": "true"}}, True),
        ({"Null": {"none": False}}, False),
        ({"Null": {"k": "false"}}, True),
        ({"NumericLessThanEquals": {"ten": "10"}}, True),
        ({"NumericLessThan": {"ten": 10}}, False),
        ({"NumericGreaterThan": {"ten": ["11", "9"]}}, True),
        ({"NumericEquals": {"k": "1"}}, False),  # no number in the request
        ({"NumericNotEquals": {"ten": "9"}}, True),
        ({"DateGreaterThan": {"when": "2026-01-01T00:00:00Z"}}, True),
        ({"DateLessThan": {"when": "1767225600"}}, False),
        ({"IpAddress": {"ip": ["192.0.2.0/24", "10.0.0.0/8"]}}, True),
        ({"NotIpAddress": {"ip": "10.0.0.0/8"}}, False),
        ({"IpAddress": {"ip": "::/0"}}, False),
        ({"ForAllValues:StringEquals": {"many": ["a", "b", "c"]}}, True),
        ({"ForAllValues:StringEquals": {"many": ["a"]}}, False),
        ({"ForAllValues:StringEquals": {"none": ["a"]}}, True),
        ({"ForAnyValue:StringEquals": {"many": ["b", "z"]}}, True),
        ({"ForAnyValue:StringEquals": {"none": ["a"]}}, False),
        ({"ForAnyValue:StringLike": {"many": "z*"}}, False),
        ({"ForAnyValue:StringNotEquals": {"many": "a"}}, True),
        ({"ForAllValues:StringNotEquals": {"many": "a"}}, False),
        ({"StringEquals": {"k": "a"}, "Bool": {"yes": "false"}}, False),
        ({"StringEquals": {"k": "a", "path": "a/b"}}, True),
    ],
    ids=str,
)
def test_conditions(condition: dict[str, Any], holds: bool) -> None:
    context = {
        "k": ("a",),
        "same": ("a",),
        "other": ("x",),
        "path": ("a/b",),
        "arn": ("arn:aws:sns:us-east-1:000000000000:topic",),
        "yes": ("true",),
        "ten": ("10",),
        "when": ("2026-06-01T00:00:00Z",),
        "ip": ("10.1.2.3",),
        "many": ("a", "b"),
    }
    assert all(each.holds(context) for each in read_conditions(condition)) is holds


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        '{"Version": "2012-10-17"}',
        '{"Statement": {"Effect": "Maybe", "Action": "*", "Resource": "*"}}',
        '{"Statement": {"Effect": "Allow", "Resource": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringSame": {"k": "v"}}}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"k": "v"}}}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Null": {"k": []}}}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "NotPrincipal": "*"}}',
    ],
)
def test_malformed(document: str) -> None:
    with pytest.raises(MalformedPolicy):
        read_policy("p", document)


def test_a_resources_policy_that_cannot_be_read_denies() -> None:
    unreadable = read_or_deny("bucket", '{"Statement": {"Effect": "Allow"}}')
    assert not evaluate(READ, WORKER, Policies(identity=[policy(allow())], resource=unreadable)).is_allowed
    assert evaluate(READ, WORKER, Policies(identity=[policy(allow())])).is_allowed


@pytest.mark.parametrize(
    ("policies", "denied_by", "explicit", "grants"),
    [
        pytest.param(Policies(), IDENTITY, None, [], id="nothing-allows"),
        pytest.param(Policies([policy(allow(Sid="Read"))]), None, None, ["Read"], id="identity-allows"),
        pytest.param(Policies([policy(deny(), allow())]), IDENTITY, "statement 1", [], id="a-denial-wins"),
        pytest.param(
            Policies([policy(allow(Sid="A"), name="x"), policy(deny(Sid="B"), name="y")]), IDENTITY, "B", [],
            id="of-another-policy-too",
        ),
        pytest.param(
            Policies([policy(allow(Sid="A"), allow("s3:*", "arn:aws:s3:::films/*", Sid="B"))]), None, None, ["A", "B"],
            id="two-allow",
        ),
        pytest.param(
            Policies([policy({"Effect": "Allow", "NotAction": "s3:Put*", "NotResource": "arn:aws:s3:::other/*"})]),
            None, None, ["statement 1"], id="not-action-not-resource",
        ),
        pytest.param(
            Policies([policy({"Effect": "Allow", "NotAction": "s3:Get*", "Resource": "*"})]), IDENTITY, None, [],
            id="not-this-action",
        ),
        pytest.param(
            Policies([policy(allow())], boundary=policy(allow("s3:Put*"))), BOUNDARY, None, [], id="boundary-is-silent"
        ),
        pytest.param(
            Policies([policy(allow())], boundary=policy(allow("s3:*"))), None, None, ["statement 1"],
            id="boundary-allows",
        ),
        pytest.param(Policies([], boundary=policy(allow("s3:*"))), IDENTITY, None, [], id="a-boundary-grants-nothing"),
        pytest.param(
            Policies([policy(allow())], boundary=policy(allow("s3:*"), deny(Sid="No"))), BOUNDARY, "No", [],
            id="boundary-denies",
        ),
        pytest.param(
            Policies(resource=policy(allow(Sid="Them", **to(aws=ROLE)))), None, None, ["Them"], id="resource-names-role"
        ),
        pytest.param(
            Policies(resource=policy(allow(**to(aws=ROLE))), boundary=policy(allow("s3:Put*"))), BOUNDARY, None, [],
            id="which-the-boundary-bounds",
        ),
        pytest.param(
            Policies(resource=policy(allow(Sid="It", **to(aws=SESSION))), boundary=policy(allow("s3:Put*"))),
            None, None, ["It"], id="but-not-a-session",
        ),
        pytest.param(
            Policies(resource=policy(allow(Sid="All", Principal="*"))), None, None, ["All"], id="resource-names-anybody"
        ),
        pytest.param(
            Policies(resource=policy(allow(**to(aws="000000000000")))), IDENTITY, None, [], id="the-account-delegates"
        ),
        pytest.param(
            Policies(resource=policy(allow(**to(service="s3.amazonaws.com")))), IDENTITY, None, [], id="others-named"
        ),
        pytest.param(Policies(resource=policy(allow())), IDENTITY, None, [], id="nobody-named"),
        pytest.param(
            Policies([policy(allow())], resource=policy(deny(Principal="*", Sid="Tls"))), RESOURCE, "Tls", [],
            id="resource-denies-anybody",
        ),
        pytest.param(
            Policies([policy(allow())], resource=policy(deny(Sid="Us", **to(aws="arn:aws:iam::000000000000:root")))),
            RESOURCE, "Us", [], id="resource-denies-the-account",
        ),
        pytest.param(
            Policies(
                [policy(allow())],
                resource=policy(deny(Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})),
            ),
            None, None, ["statement 1"], id="a-condition-spares",
        ),
        pytest.param(
            Policies([policy(allow())], resource=all_but(aws=["000000000000", ROLE, SESSION])),
            None, None, ["statement 1"], id="all-but-me-denied",
        ),
        pytest.param(
            Policies([policy(allow())], resource=all_but(aws=["000000000000", ROLE])), RESOURCE, "Others", [],
            id="all-but-another-session-denied",
        ),
        pytest.param(
            Policies([policy(allow())], resource=all_but(aws=[ROLE, SESSION])), RESOURCE, "Others", [],
            id="the-account-is-denied-and-so-am-i",
        ),
        pytest.param(
            Policies([policy(allow())], policy(allow()), all_but(aws=["000000000000", ROLE, SESSION])),
            RESOURCE, "Others", [], id="who-has-a-boundary-is-not-spared",
        ),
        pytest.param(
            Policies([policy(allow())], None, policy(allow(**to(service="x"))), TRUST, needs_resource=True),
            TRUST, None, [], id="trust-names-others",
        ),
        pytest.param(
            Policies([policy(allow())], resource=policy(allow(**to(aws="000000000000"))), needs_resource=True),
            None, None, ["statement 1"], id="trust-delegates",
        ),
        pytest.param(
            Policies([], resource=policy(allow(**to(aws="000000000000"))), resource_kind=TRUST, needs_resource=True),
            IDENTITY, None, [], id="trust-delegates-to-nobody",
        ),
    ],
)  # fmt: skip
def test_evaluation(policies: Policies, denied_by: str | None, explicit: str | None, grants: list[str]) -> None:
    decision = evaluate(READ, WORKER, policies)
    assert decision.denied_by == denied_by
    assert (decision.explicit.statement if decision.explicit else None) == explicit
    assert [grant.statement for grant in decision.grants] == grants


def test_services_are_allowed_by_resources_only() -> None:
    named = policy(allow(Sid="S3", **to(service="s3.amazonaws.com")))
    assert evaluate(READ, SERVICE, Policies(resource=named)).is_allowed
    assert (
        evaluate(READ, SERVICE, Policies(resource=policy(allow(**to(service="sns.amazonaws.com"))))).denied_by
        == RESOURCE
    )
    assert evaluate(READ, SERVICE, Policies()).denied_by == RESOURCE
    assert evaluate(READ, SERVICE, Policies(resource=all_but(service="s3.amazonaws.com"))).is_allowed
    assert not evaluate(READ, SERVICE, Policies(resource=all_but(aws=ROLE))).is_allowed


def test_a_policy_without_a_statement() -> None:
    whole = policy(allow(Sid="A"), allow("s3:PutObject", Sid="B"))
    assert evaluate(READ, WORKER, Policies([whole.without("B")])).is_allowed
    assert not evaluate(READ, WORKER, Policies([whole.without("A")])).is_allowed
