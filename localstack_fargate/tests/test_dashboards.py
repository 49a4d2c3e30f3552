"""``AWS::CloudWatch::Dashboard`` in a stack."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localstack_fargate.tests.kit import random_name
from localstack_fargate.tests.test_cloudformation import Stack

pytestmark = pytest.mark.launchers("process")


@pytest.fixture
def stack(client: Callable[[str], Any]) -> Iterator[Stack]:
    made = Stack(client)
    yield made
    made.delete()


def template(text: str, **properties: Any) -> dict[str, Any]:
    body = {"Fn::Sub": json.dumps({"widgets": [{"type": "text", "properties": {"markdown": text}}]})}
    dashboard = {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": body, **properties}}
    return {"Resources": {"Dashboard": dashboard}, "Outputs": {"Name": {"Value": {"Ref": "Dashboard"}}}}


def test_dashboards_are_created_updated_and_deleted(client: Callable[[str], Any], stack: Stack) -> None:
    cloudwatch, name = client("cloudwatch"), random_name("dashboard")

    def text() -> str:
        [widget] = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])["widgets"]
        return str(widget["properties"]["markdown"])

    assert stack.create(template("in ${AWS::Region}", DashboardName=name)) == {"Name": name}
    assert text() == "in us-east-1"
    assert stack.update(template("changed", DashboardName=name)) == {"Name": name}
    assert text() == "changed"
    stack.delete()
    with pytest.raises(ClientError, match="does not exist"):
        text()


def test_a_name_is_made_up(stack: Stack) -> None:
    assert stack.create(template("any"))["Name"].startswith(f"{stack.name}-Dashboard-")
