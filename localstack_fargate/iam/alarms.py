"""Alarms' actions, which LocalStack's CloudWatch asks for as nobody: here they get the principal that AWS's have.

Topics and functions have to let it in by their policies. An action that they refuse has no effect, and the alarm stays.
"""

import json
import logging
from typing import Any

from botocore.exceptions import ClientError
from localstack.services.cloudwatch import provider_v2

LOG = logging.getLogger(__name__)

PUBLISHER = "cloudwatch"
INVOKER = "lambda.alarms.cloudwatch"


def install() -> None:
    """Let CloudWatch act as itself; raises ``AttributeError`` for a LocalStack that is not the one we know."""
    connect = provider_v2.connect_to
    provider_v2.connect_to = lambda **account: _Actions(connect(**account))


class _Actions:
    """The two clients that an alarm's action takes."""

    def __init__(self, clients: Any) -> None:
        self._clients = clients

    @property
    def sns(self) -> "_Actions":
        return self

    @property
    def lambda_(self) -> "_Actions":
        return self

    def publish(self, **request: Any) -> None:
        alarm = json.loads(request["Message"])["AlarmArn"]
        topics = self._clients.sns.request_metadata(service_principal=PUBLISHER, source_arn=alarm)
        _act(alarm, topics.publish, request)

    def invoke(self, **request: Any) -> None:
        alarm = json.loads(request["Payload"])["alarmArn"]
        functions = self._clients.lambda_.request_metadata(service_principal=INVOKER, source_arn=alarm)
        _act(alarm, functions.invoke, request)


def _act(alarm: str, action: Any, request: dict[str, Any]) -> None:
    try:
        action(**request)
    except ClientError as error:
        LOG.warning("An action of %s was refused: %s", alarm, error)
