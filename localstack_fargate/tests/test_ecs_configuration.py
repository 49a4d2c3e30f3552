"""The environment variables that configure the emulated Fargate."""

import pytest

from localstack_fargate.configuration import Configuration, ConfigurationError, read_configuration


def test_defaults() -> None:
    assert read_configuration({}) == Configuration(
        launcher=None, name=None, max_tasks=None, max_starts=4, cpu_limit="soft", process_images={}, enforce_iam=False
    )


def test_all_set() -> None:
    environment = {
        "FARGATE_LAUNCHER": "process",
        "FARGATE_NAME": "mine-1",
        "FARGATE_MAX_TASKS": "3",
        "FARGATE_MAX_STARTS": "5",
        "FARGATE_CPU_LIMIT": "hard",
        "FARGATE_PROCESS_IMAGES": '{"worker:1": ["python", "-m", "worker"]}',
        "FARGATE_ECR_REGISTRY": "127.0.0.1:5000",
        "FARGATE_ENFORCE_IAM": "1",
    }
    assert read_configuration(environment) == Configuration(
        "process", "mine-1", 3, 5, "hard", {"worker:1": ("python", "-m", "worker")}, "127.0.0.1:5000", True
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FARGATE_LAUNCHER", "rocket"),
        ("FARGATE_MAX_TASKS", "0"),
        ("FARGATE_MAX_TASKS", "many"),
        ("FARGATE_MAX_STARTS", "-1"),
        ("FARGATE_CPU_LIMIT", "strict"),
        ("FARGATE_ENFORCE_IAM", "yes"),
        ("FARGATE_NAME", "a/b"),
        ("FARGATE_ECR_REGISTRY", "http://127.0.0.1:5000"),
        ("FARGATE_ECR_REGISTRY", "127.0.0.1"),
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
