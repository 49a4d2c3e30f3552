"""Credentials for the functions, and each function loaded anew for the account of a test."""

import importlib
from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture
def credentials(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which the SDK speaks with that endpoint."""
    for name, value in {
        "AWS_ENDPOINT_URL": aws_endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def load(credentials: None) -> Callable[[str], ModuleType]:  # noqa: ARG001 - modules make their clients when loaded
    """Load a function's module."""
    return lambda name: importlib.reload(importlib.import_module(name))
