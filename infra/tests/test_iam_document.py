"""docs/iam.md, which a run of e2e writes, has every permission of the template: each used, or with a reason."""

from typing import Any

import pytest

from e2e.iam_report import SELECTING, documented, is_whole
from infra.tests.template import resources_of


def granted(template: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Role, statement and action of all that the template's roles may by default."""
    documents = [
        (role, policy["PolicyDocument"])
        for role, each in resources_of(template, "AWS::IAM::Role").items()
        for policy in each.get("Policies", [])
    ]
    for name, each in resources_of(template, "AWS::IAM::Policy").items():
        if "Condition" not in template["Resources"][name]:  # what costs is off
            documents += [(role["Ref"], each["PolicyDocument"]) for role in each["Roles"]]
    return {
        (role, statement["Sid"], action)
        for role, document in documents
        for statement in document["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


def test_the_document_has_every_permission(template: dict[str, Any]) -> None:
    shown = {(row.role, row.statement, action) for row in documented() for action in row.granted}
    assert shown == granted(template), "run the tests of e2e that use what is new, with --write-docs"


def test_what_is_granted_is_needed() -> None:
    for row in documented():
        assert not row.unexplained, f"without {row.statement} of {row.role} nothing would be denied that it grants"


def test_only_a_run_of_all_tests_shows_what_none_of_them_uses(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    for option in SELECTING:
        monkeypatch.setattr(pytestconfig.option, option, None)
    monkeypatch.setattr(pytestconfig, "args", ["e2e/test_path.py"])
    assert not is_whole(pytestconfig)
    monkeypatch.setattr(pytestconfig, "args", ["e2e"])
    assert is_whole(pytestconfig)
    for option in SELECTING:
        with monkeypatch.context() as selecting:
            selecting.setattr(pytestconfig.option, option, "given")
            assert not is_whole(pytestconfig), option
