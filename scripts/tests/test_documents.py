"""What the documents in docs/ say of the template and of the tests."""

import re
from pathlib import Path

import pytest

from infra.tests.template import read_template, resources_of
from worker.errors import all_errors

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def test_every_alarm_has_its_section_in_the_runbook() -> None:
    sections = dict(
        re.findall(r"^## (\w+Alarm)\n(.+?)(?=^## )", (DOCS / "runbook.md").read_text(), re.MULTILINE | re.DOTALL)
    )
    assert set(sections) == set(resources_of(read_template(), "AWS::CloudWatch::Alarm"))
    for name, section in sections.items():
        assert [part for part in ("**Means:**", "**Look at:**", "**Do:**") if part not in section] == [], name
        assert "`videobatch " in section, name


def test_the_runbook_names_commands_that_there_are() -> None:
    named = set(re.findall(r"videobatch ([a-z]+)", (DOCS / "runbook.md").read_text()))
    assert len(named) > 5
    assert named <= {path.stem for path in (ROOT / "videobatch" / "commands").glob("*.py")}


def test_the_runbook_names_codes_that_there_are() -> None:
    known = {error.code for error in all_errors()}
    known |= set(re.findall(r"^ +code: ([A-Z_]+)$", (ROOT / "infra" / "template.yaml").read_text(), re.MULTILINE))
    named = re.findall(r"^\| (`[A-Z_`, ]+`) \|", (DOCS / "runbook.md").read_text(), re.MULTILINE)
    codes = {code for cell in named for code in re.findall(r"`([A-Z_]+)`", cell)}
    assert len(codes) > 8
    assert codes <= known


def test_every_test_that_holds_a_statement_is_there() -> None:
    named = set(re.findall(r"`([\w/]+\.py)::(\w+)`", (DOCS / "threat-model.md").read_text()))
    assert len(named) > 20
    missing = [f"{path}::{name}" for path, name in named if f"def {name}(" not in (ROOT / path).read_text()]
    assert missing == []


@pytest.mark.parametrize("name", ["deployment", "costs", "runbook", "threat-model"])
def test_every_file_that_is_linked_exists(name: str) -> None:
    linked = re.findall(r"\]\((?!http)([^)#]+)", (DOCS / f"{name}.md").read_text())
    assert [link for link in linked if not (DOCS / link).exists()] == []


def test_every_option_of_the_template_is_in_the_deployment_guide() -> None:
    text = (DOCS / "deployment.md").read_text()
    assert [name for name in read_template()["Parameters"] if f"`{name}`" not in text] == []


def test_every_resource_that_is_named_in_the_deployment_guide_exists() -> None:
    """The column of the table that maps the guide's steps."""
    text = (DOCS / "deployment.md").read_text()
    [mapped] = re.findall(r"^\| the guide's step .+?\n(?=\n)", text, re.MULTILINE | re.DOTALL)
    named = {name for row in mapped.splitlines()[2:] for name in re.findall(r"`([A-Z]\w+)`", row.split("|")[2])}
    assert len(named) > 12
    assert named <= set(read_template()["Resources"])
