"""The environment variables that configure the emulated Fargate."""

import os

import pytest

from localstack_fargate.configuration import Configuration, ConfigurationError, read_configuration


def test_defaults() -> None:
    assert read_configuration({}) == Configuration("process", os.process_cpu_count() or 1, {})


def test_all_set() -> None:
    environment = {
        "FARGATE_LAUNCHER": "process",
        "FARGATE_MAX_TASKS": "3",
        "FARGATE_PROCESS_IMAGES": '{"worker:1": ["python", "-m", "worker"]}',
    }
    assert read_configuration(environment) == Configuration("process", 3, {"worker:1": ("python", "-m", "worker")})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FARGATE_LAUNCHER", "rocket"),
        ("FARGATE_MAX_TASKS", "0"),
        ("FARGATE_MAX_TASKS", "many"),
        ("FARGATE_PROCESS_IMAGES", "{"),
        ("FARGATE_PROCESS_IMAGES", "[]"),
        ("FARGATE_PROCESS_IMAGES", '{"image": "not a list"}'),
        ("FARGATE_PROCESS_IMAGES", '{"image": []}'),
        ("FARGATE_PROCESS_IMAGES", '{"image": [1]}'),
    ],
)
def test_values_that_cannot_work_are_named(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        read_configuration({variable: value})
