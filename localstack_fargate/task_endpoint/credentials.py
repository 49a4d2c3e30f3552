"""Credentials of a task's role, as a task gets them: short-lived, and only its own."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from localstack.aws.connect import connect_to

from ..ecs.models import Task

SESSION_SECONDS = 6 * 3600  # Fargate's
RENEW_BEFORE = timedelta(minutes=15)  # SDKs ask again within the last 15 minutes


class TaskRoleCredentials:
    """Sessions of one task's role, assumed when asked for and kept until near their end."""

    def __init__(self, role_arn: str, task: Task) -> None:
        self._role_arn = role_arn
        self._task = task
        self._lock = threading.Lock()
        self._session: dict[str, Any] | None = None

    def document(self) -> dict[str, str]:
        """The JSON document that AWS SDKs understand; raises ``ClientError`` if STS refuses the role."""
        with self._lock:
            if self._session is None or self._session["Expiration"] - datetime.now(UTC) < RENEW_BEFORE:
                self._session = self._assume()
            session = self._session
        return {
            "RoleArn": self._role_arn,
            "AccessKeyId": session["AccessKeyId"],
            "SecretAccessKey": session["SecretAccessKey"],
            "Token": session["SessionToken"],
            "Expiration": session["Expiration"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def _assume(self) -> dict[str, Any]:
        clients = connect_to(aws_access_key_id=self._task.account_id, region_name=self._task.region)
        sts = clients.sts.request_metadata(service_principal="ecs-tasks")
        answer = sts.assume_role(RoleArn=self._role_arn, RoleSessionName=self._task.id, DurationSeconds=SESSION_SECONDS)
        session: dict[str, Any] = answer["Credentials"]
        return session
