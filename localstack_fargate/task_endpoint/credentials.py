"""Credentials of a task's role, as a task gets them: short-lived, and only its own."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

RENEW_BEFORE = timedelta(minutes=15)  # SDKs ask again within the last 15 minutes


class TaskRoleCredentials:
    """Sessions of one task's role, begun when asked for and kept until near their end.

    ``begin_session`` gives STS's Credentials.
    """

    def __init__(self, role_arn: str, begin_session: Callable[[], dict[str, Any]]) -> None:
        self._role_arn = role_arn
        self._begin_session = begin_session
        self._lock = threading.Lock()
        self._session: dict[str, Any] | None = None

    def document(self) -> dict[str, str]:
        """The JSON document that AWS SDKs understand; raises ``ClientError`` if STS refuses the role."""
        with self._lock:
            if self._session is None or self._session["Expiration"] - datetime.now(UTC) < RENEW_BEFORE:
                self._session = self._begin_session()
            session = self._session
        return {
            "RoleArn": self._role_arn,
            "AccessKeyId": session["AccessKeyId"],
            "SecretAccessKey": session["SecretAccessKey"],
            "Token": session["SessionToken"],
            "Expiration": session["Expiration"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
