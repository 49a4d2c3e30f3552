"""RegisterTaskDefinition: log drivers and what they need."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..exceptions import ClientException

LOG_DRIVERS = ("json-file", "syslog", "journald", "gelf", "fluentd", "awslogs", "splunk", "awsfirelens")
FARGATE_LOG_DRIVERS = ("awslogs", "splunk", "awsfirelens")
AWSLOGS_OPTIONS = ("awslogs-region", "awslogs-group")


def check_log_configuration(containers: Sequence[Mapping[str, Any]]) -> None:
    """Raise ``ClientException`` if a container's log could be sent nowhere."""
    for container in containers:
        logs = container.get("logConfiguration")
        if logs is None:
            continue
        check_log_driver(logs, LOG_DRIVERS)
        missing = [option for option in AWSLOGS_OPTIONS if not (logs.get("options") or {}).get(option)]
        if logs["logDriver"] == "awslogs" and missing:
            raise ClientException(f"Log driver awslogs requires options: {', '.join(missing)}")
        if logs["logDriver"] == "awsfirelens" and not any(other.get("firelensConfiguration") for other in containers):
            raise ClientException(
                "When awsfirelens log driver is specified in log configuration, a firelens configuration object must "
                "be configured in one of the containers."
            )


def check_fargate_logs(request: Mapping[str, Any]) -> None:
    """Raise ``ClientException`` if Fargate could not send a container's log."""
    for container in request["containerDefinitions"]:
        logs = container.get("logConfiguration")
        if logs is None:
            continue
        check_log_driver(logs, FARGATE_LOG_DRIVERS)
        if logs["logDriver"] == "awslogs" and not request.get("executionRoleArn"):
            raise ClientException(
                "Fargate requires task definition to have execution role ARN to support log driver awslogs."
            )
        if logs["logDriver"] == "awslogs" and not logs["options"].get("awslogs-stream-prefix"):
            raise ClientException(
                "Fargate requires log configuration options to include awslogs-stream-prefix to support log driver "
                "awslogs."
            )


def check_log_driver(logs: Mapping[str, Any], allowed: Sequence[str]) -> None:
    """Raise ``ClientException`` for a driver that is not one of those allowed."""
    if logs.get("logDriver") not in allowed:
        raise ClientException(
            f"{logs.get('logDriver')} is not a valid log driver. Must be one of [{','.join(allowed)}]"
        )
