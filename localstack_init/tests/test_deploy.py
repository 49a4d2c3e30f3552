"""The hook: its settings, and that the emulator knows all that the template asks for."""

import re
from importlib.metadata import entry_points

import pytest

from localstack_init.deploy import TEMPLATE, read_settings


def test_the_endpoint_is_where_the_gateway_listens() -> None:
    assert read_settings({}).endpoint == "http://127.0.0.1:4566"
    assert read_settings({"GATEWAY_LISTEN": "0.0.0.0:4510,0.0.0.0:443"}).endpoint == "http://127.0.0.1:4510"


@pytest.mark.parametrize("wrong", ["[]", '{"RetryDelays": 1}', "no JSON"])
def test_wrong_parameters_are_refused(wrong: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own error is one too
        read_settings({"STACK_PARAMETERS": wrong})


def test_parameters_come_one_by_one_or_together() -> None:
    settings = read_settings(
        {
            "STACK_NAME": "mine",
            "STACK_UPLOAD_PREFIX": "videos/",
            "STACK_JOB_PREFIX": "",
            "STACK_BUCKET_NAME": "one",
            "STACK_PARAMETERS": '{"BucketName": "another"}',
        }
    )
    assert settings.stack_name == "mine"
    assert settings.parameters == {"UploadPrefix": "videos/", "BucketName": "another"}


def test_every_resource_of_the_template_is_really_made() -> None:
    """LocalStack passes over a type that it does not know, and calls the stack complete."""
    wanted = {name.lower() for name in re.findall(r"Type: (AWS::\w+::\w+)", TEMPLATE.read_text())}
    known = {point.name.lower() for point in entry_points(group="localstack.cloudformation.resource_providers")}
    assert wanted
    assert wanted <= known
