"""Sessions of the roles that a task has: its own, and the one with which ECS fetches what it needs."""

from typing import Any

from localstack.aws.connect import connect_to

from .models import Task


def begin_session(role_arn: str, task: Task, seconds: int) -> dict[str, Any]:
    """STS's Credentials for a session of a task's role, which is named after the task; raises ``ClientError``."""
    clients = connect_to(aws_access_key_id=task.account_id, region_name=task.region)
    sts = clients.sts.request_metadata(service_principal="ecs-tasks", source_arn=task.arn)
    answer = sts.assume_role(RoleArn=role_arn, RoleSessionName=task.id, DurationSeconds=seconds)
    session: dict[str, Any] = answer["Credentials"]
    return session
