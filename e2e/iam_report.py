"""What each role used of what its policies grant, in all accounts of a run: a table at its end and, if asked for, in
docs/iam.md.

A run of the whole of e2e fails if something is granted that nobody used, or that nobody would miss, unless UNUSED says
why it is there. A run of some tests adds to the document what they have used.
"""

import json
import os
import re
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from e2e.memory_table import OPTION
from localstack_fargate.iam.evaluation import IDENTITY, Policies, Principal, evaluate
from localstack_fargate.iam.policy import Policy, Request, read_policy
from scripts.readme import replace_between_markers
from videobatch.pipeline import DEFAULT_STACK

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "iam.md"
KEY = pytest.StashKey[list[dict[str, Any]]]()
WORKER_OUTPUT = "iam"
NO_REGISTRY = "Fargate pulls the worker's image from ECR; an emulator's tasks run what its machine has"
UNUSED: Mapping[str, str] = {
    "ecr:BatchCheckLayerAvailability": NO_REGISTRY,
    "ecr:BatchGetImage": NO_REGISTRY,
    "ecr:GetAuthorizationToken": NO_REGISTRY,
    "ecr:GetDownloadUrlForLayer": NO_REGISTRY,
}
SELECTING = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "stepwise")
"""Options of pytest, by their names in its configuration, that leave tests out."""
HEADER = [
    "| role | statement | used | denied without it | never used |",
    "| --- | --- | --- | --- | --- |",
]
NOTHING = "–"
HEADER_OF_SERVICES = ["| service | action | on |", "| --- | --- | --- |"]


@dataclass
class Row:
    """A statement of a role, each given by its name in the template.

    Attributes:
        granted: Its actions.
        used: Those of them that it allowed in the run.
        needed: Those of which a call that was allowed is denied without the statement.
    """

    role: str
    statement: str
    granted: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    needed: set[str] = field(default_factory=set)

    @property
    def unexplained(self) -> list[str]:
        """What is not used, or not needed, and has no explanation."""
        return sorted(action for action in self.granted - self.needed if action not in UNUSED)

    def markdown(self) -> str:
        """The row of the table."""
        cells = (self.used, self.needed, self.granted - self.used)
        return (
            f"| {self.role} | {self.statement} | {' | '.join(', '.join(sorted(cell)) or NOTHING for cell in cells)} |"
        )


def collect(config: pytest.Config) -> None:
    """Ask the account what was used in it, and what the roles of its stack may, before it is gone."""
    config.stash.setdefault(KEY, []).append({"uses": ledger()["uses"], "names": _names(), "roles": _policies()})


def ledger() -> Any:
    """What the emulator tells of its decisions."""
    url = f"{os.environ['AWS_ENDPOINT_URL']}/_fargate/iam"
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - an emulator's
        return json.load(answer)


def stack_resources() -> list[dict[str, Any]]:
    """Everything in the stack."""
    stack = os.environ.get("STACK_NAME", DEFAULT_STACK)
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    return [each for page in pages for each in page["StackResourceSummaries"]]


def pytest_sessionfinish(session: pytest.Session) -> None:
    found = session.config.stash.get(KEY, [])
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[WORKER_OUTPUT] = found
    elif is_whole(session.config) and any(row.unexplained for row in rows(found)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ARG001 - the name is xdist's
    node.config.stash.setdefault(KEY, []).extend(getattr(node, "workeroutput", {}).get(WORKER_OUTPUT, []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash.get(KEY, [])
    if not found:
        return
    table = rows(found)
    terminalreporter.section(f"IAM, --target {config.option.target}")
    for row in table:
        terminalreporter.line(row.markdown())
        if is_whole(config) and row.unexplained:
            terminalreporter.line(f"{row.statement} grants what no call needs: {row.unexplained}", red=True)
    if config.getoption(OPTION):
        _write(table, services_lines(found), adding=not is_whole(config))


def is_whole(config: pytest.Config) -> bool:
    """Whether all tests of e2e were asked for, so that what is not used is used by none."""
    is_selection = any(config.getoption(name, None) for name in SELECTING)
    return not is_selection and {Path(each).name for each in config.args} == {"e2e"}


def documented() -> list[Row]:
    """The rows of the document."""
    found = []
    for line in _table("roles"):
        role, statement, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        used, needed, never = (set() if cell == NOTHING else set(cell.split(", ")) for cell in cells)
        found.append(Row(role, statement, used | never, used, needed))
    return found


def rows(accounts: Iterable[dict[str, Any]]) -> list[Row]:
    """All statements of all roles, in the order of their names."""
    table: dict[tuple[str, str], Row] = {}
    for account in accounts:
        for role, arn, policies in _roles(account):
            for policy, statement, actions in _statements(account["roles"][role]):
                row = table.setdefault((role, statement), Row(role, statement))
                row.granted |= actions
                for use in _uses(account, arn, policy, statement):
                    row.used.add(use["action"])
                    if use["alone"] and is_denied_without(use, arn, policies):
                        row.needed.add(use["action"])
    return [table[key] for key in sorted(table)]


def is_denied_without(use: dict[str, Any], role_arn: str, policies: list[Policy]) -> bool:
    """Whether the call that is a use's example is allowed by the role's policies, and denied without the statement."""
    example = use["example"]
    request = Request(example["action"], example["resource"], example["context"])
    principal = Principal("AWS", frozenset({role_arn}))
    fewer = [each.without(use["statement"]) if each.name == use["policy"] else each for each in policies]
    return (
        evaluate(request, principal, Policies(policies)).is_allowed
        and not evaluate(request, principal, Policies(fewer)).is_allowed
    )


def services_lines(accounts: Iterable[dict[str, Any]]) -> list[str]:
    """What services did because a resource's policy lets them, with the resource's name in the template."""
    lines = set()
    for account in accounts:
        for use in account["uses"]:
            name = use["example"] and _name(account, use["example"]["resource"])
            if use["kind"] != IDENTITY and name:
                lines.add(f"| {use['caller']} | {use['action']} | {name} |")
    return sorted(lines)


def _write(table: list[Row], services: list[str], *, adding: bool) -> None:
    if adding:
        known = {(row.role, row.statement): row for row in documented()}
        for row in table:
            if before := known.get((row.role, row.statement)):
                row.used |= before.used & row.granted
                row.needed |= before.needed & row.granted
        services = sorted({*services, *_table("services")})
    parts = {
        "roles": [*HEADER, *(row.markdown() for row in table)],
        "unused": [f"- `{action}`: {reason}" for action, reason in sorted(UNUSED.items())],
        "services": [*HEADER_OF_SERVICES, *services],
    }
    content = DOCUMENT.read_text()
    for marker, lines in parts.items():
        content = replace_between_markers(content, marker, "\n".join(lines))
    DOCUMENT.write_text(content)


def _table(marker: str) -> list[str]:
    """The lines of one of the document's tables."""
    [found] = re.findall(f"<!-- {marker} -->\n(.*)<!-- /{marker} -->", DOCUMENT.read_text(), re.DOTALL)
    return [str(line) for line in found.splitlines()[2:]]


def _roles(account: dict[str, Any]) -> Iterator[tuple[str, str, list[Policy]]]:
    for name, role in account["roles"].items():
        yield name, role["arn"], [read_policy(each, document) for each, document in role["policies"].items()]


def _statements(role: dict[str, Any]) -> Iterator[tuple[str, str, set[str]]]:
    for policy, document in role["policies"].items():
        for statement in json.loads(document)["Statement"]:
            actions = statement["Action"]
            yield policy, statement["Sid"], {actions} if isinstance(actions, str) else set(actions)


def _uses(account: dict[str, Any], arn: str, policy: str, statement: str) -> Iterator[dict[str, Any]]:
    for use in account["uses"]:
        if (use["caller"], use["kind"], use["policy"], use["statement"]) == (arn, IDENTITY, policy, statement):
            yield use


def _name(account: dict[str, Any], arn: str) -> str | None:
    """The template's name for what an ARN ends with."""
    names: dict[str, str] = account["names"]
    return names.get(arn) or names.get(arn.rpartition(":")[2].rpartition("/")[2])


def _names() -> dict[str, str]:
    """ARN, or name, of everything in the stack → its name in the template."""
    return {each["PhysicalResourceId"]: each["LogicalResourceId"] for each in stack_resources()}


def _policies() -> dict[str, Any]:
    iam = boto3.client("iam")
    found = {}
    for resource in stack_resources():
        if resource["ResourceType"] == "AWS::IAM::Role":
            role = resource["PhysicalResourceId"]
            documents = {
                name: json.dumps(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
                for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
            }
            arn = iam.get_role(RoleName=role)["Role"]["Arn"]
            found[resource["LogicalResourceId"]] = {"arn": arn, "policies": documents}
    return found
