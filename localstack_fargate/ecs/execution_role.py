"""What ECS itself does for a task it does as the task's execution role: fetch secrets and environment files.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
"""

from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to

from ..launchers.base import ResourceInitializationError
from .models import Task
from .roles import begin_session

SESSION_SECONDS = 900  # STS's least: what is needed is fetched at once


class ExecutionRole:
    """Clients that act as the role, whose session is begun with the first of them."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._session: dict[str, Any] | None = None

    def client(self, service: str, region: str | None = None) -> Any:
        """A client of the service, in the task's region if not said otherwise.

        Raises ``ResourceInitializationError`` if there is no role, or if it cannot be assumed.
        """
        if self._session is None:
            self._session = self._begin_session()
        session = self._session
        return connect_to(
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
            region_name=region or self._task.region,
        ).get_client(service)

    def _begin_session(self) -> dict[str, Any]:
        role_arn = self._task.execution_role_arn
        if not role_arn:
            raise ResourceInitializationError("the task has no execution role, with which to fetch what it needs")
        try:
            return begin_session(role_arn, self._task, SESSION_SECONDS)
        except ClientError as error:
            raise ResourceInitializationError(
                f"ECS was unable to assume the role '{role_arn}' that was provided for this task. Please verify that "
                "the role being passed has the proper trust relationship and permissions and that your IAM user has "
                "permissions to pass this role."
            ) from error
