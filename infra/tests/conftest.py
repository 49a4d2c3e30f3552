"""The template and its state machine, for all tests."""

from typing import Any

import pytest

from infra.tests.template import properties, read_template


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    return read_template()


@pytest.fixture(scope="session")
def states(template: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = properties(template, "StateMachine")["Definition"]["States"]
    return found
