"""Lets ``ecs:runTask.sync`` end as it does on AWS.

LocalStack's own succeeds for every stopped task, breaks on a RunTask that answers with failures, leaves the task
running when the state has timed out or the execution was stopped, and drops a capacity provider strategy. Here four
methods of its ``StateTaskServiceEcs`` are replaced; everything around them is as it was.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html
"""

import inspect
import logging
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api.stepfunctions import HistoryEventType, TaskFailedEventDetails
from localstack.services.stepfunctions.asl.component.common.error_name.custom_error_name import CustomErrorName
from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name import StatesErrorName
from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_ecs import (  # noqa: E501
    _SUPPORTED_API_PARAM_BINDINGS,
    StateTaskServiceEcs,
)
from localstack.services.stepfunctions.asl.utils.boto_client import boto_client_for
from localstack.services.stepfunctions.asl.utils.encoding import to_json_str

from ..ecs.models import current_task
from .task_outcome import has_failed, with_epoch_milliseconds

LOG = logging.getLogger(__name__)

RUN_TASK_FAILED = "AmazonECS.Unknown"
SECONDS_BETWEEN_LOOKS = 0.25  # at the execution, which may end before its task
STOP_REASON = "Task was stopped by AWS Step Functions"


def install() -> None:
    """Replace the methods, if they still are as we know them; otherwise say so and leave LocalStack alone."""
    replacements: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
        "_eval_service_task": (
            _eval_service_task,
            ("self", "env", "resource_runtime_part", "normalised_parameters", "state_credentials"),
        ),
        "_build_sync_resolver": (
            _build_sync_resolver,
            ("self", "env", "resource_runtime_part", "normalised_parameters", "state_credentials"),
        ),
        "_eval_sync": (
            _eval_sync(StateTaskServiceEcs._eval_sync),
            ("self", "env", "sync_resolver", "timeout_seconds", "callback_endpoint", "heartbeat_endpoint"),
        ),
        "_from_error": (_from_error(StateTaskServiceEcs._from_error), ("self", "env", "ex")),
    }
    for name, (_, expected) in replacements.items():
        found = tuple(inspect.signature(getattr(StateTaskServiceEcs, name)).parameters)
        if found != expected:
            LOG.error(
                "ecs:runTask.sync will NOT fail when its task does: this LocalStack's StateTaskServiceEcs.%s takes %s",
                name,
                found,
            )
            return
    for name, (replacement, _) in replacements.items():
        setattr(StateTaskServiceEcs, name, replacement)
    # LocalStack knows an older list, and drops what is not in it: RunTask would look for instances then.
    _SUPPORTED_API_PARAM_BINDINGS["runtask"].add("CapacityProviderStrategy")


class _TaskWatch:
    """Waits for the task. Called with nothing, it returns the task when that has ended well, None when the execution
    is over before.

    It asks ECS only when the task has ended: hundreds of executions that ask twice a second keep the emulator so busy
    that their tasks get nowhere.
    """

    def __init__(self, state: Any, env: Any, client: Any, task: dict[str, Any]) -> None:
        self._state = state
        self._env = env
        self._client = client
        self._cluster_arn = task["ClusterArn"]
        self._task_arn = task["TaskArn"]
        self._task = current_task(self._task_arn)
        self.task_has_ended = False

    def __call__(self) -> dict[str, Any] | None:
        while self._task is not None and not self._task.stopped.wait(SECONDS_BETWEEN_LOOKS):
            if not self._env.is_running():  # it gives up: the state has timed out or the execution was stopped
                self.stop_task()
                return None
        answer = self._client.describe_tasks(cluster=self._cluster_arn, tasks=[self._task_arn])
        if self._task is None or not answer["tasks"]:
            self.task_has_ended = True
            raise _failure(self._state, self._env, None, to_json_str(answer["failures"]))
        ended = answer["tasks"][0]
        self.task_has_ended = True
        failed = has_failed(ended, {"containerDefinitions": self._task.definition.containers})
        self._state._normalise_response(answer, service_action_name="describe_tasks")
        described: dict[str, Any] = with_epoch_milliseconds(answer["Tasks"][0])
        if failed:
            raise _failure(self._state, self._env, None, to_json_str(described))
        return described

    def stop_task(self) -> None:
        """Nobody waits for the task any more, so it shall not go on either."""
        self.task_has_ended = True
        try:
            self._client.stop_task(cluster=self._cluster_arn, task=self._task_arn, reason=STOP_REASON)
        except Exception:
            LOG.exception("Task %s could not be stopped with its state", self._task_arn)


def _eval_service_task(
    self: Any, env: Any, resource_runtime_part: Any, normalised_parameters: dict[str, Any], state_credentials: Any
) -> None:
    client = boto_client_for(service="ecs", region=resource_runtime_part.region, state_credentials=state_credentials)
    answer = client.run_task(**normalised_parameters)
    answer.pop("ResponseMetadata", None)
    self._normalise_response(answer, service_action_name="run_task")
    answer = with_epoch_milliseconds(answer)
    # Without .sync or .waitForTaskToken the failures are the state's output, and not an error.
    if answer.get("Failures") and self.resource.condition is not None:
        raise _failure(self, env, RUN_TASK_FAILED, to_json_str(answer))
    env.stack.append(answer)


def _build_sync_resolver(
    self: Any, env: Any, resource_runtime_part: Any, normalised_parameters: dict[str, Any], state_credentials: Any
) -> _TaskWatch:
    del normalised_parameters
    client = boto_client_for(service="ecs", region=resource_runtime_part.region, state_credentials=state_credentials)
    return _TaskWatch(self, env, client, env.stack.pop()["Tasks"][0])


def _eval_sync(original: Callable[..., Any]) -> Callable[..., Any]:
    def eval_sync(
        self: Any,
        env: Any,
        sync_resolver: Callable[[], Any],
        timeout_seconds: int | None,
        callback_endpoint: Any,
        heartbeat_endpoint: Any,
    ) -> Any:
        try:
            return original(
                self,
                env=env,
                sync_resolver=sync_resolver,
                timeout_seconds=timeout_seconds,
                callback_endpoint=callback_endpoint,
                heartbeat_endpoint=heartbeat_endpoint,
            )
        finally:
            # It gives up waiting when the state has timed out or the execution was stopped.
            if isinstance(sync_resolver, _TaskWatch) and not sync_resolver.task_has_ended:
                sync_resolver.stop_task()

    return eval_sync


def _from_error(original: Callable[..., Any]) -> Callable[..., Any]:
    def from_error(self: Any, env: Any, ex: Exception) -> Any:
        if isinstance(ex, ClientError):
            return _failure_of_client_error(self, env, ex).failure_event
        return original(self, env=env, ex=ex)

    return from_error


def _failure_of_client_error(state: Any, env: Any, error: ClientError) -> Any:
    code, metadata = error.response["Error"]["Code"], error.response["ResponseMetadata"]
    cause = (
        f"{error.response['Error']['Message']} (Service: AmazonECS; Status Code: {metadata['HTTPStatusCode']}; "
        f"Error Code: {code}; Request ID: {metadata.get('RequestId')}; Proxy: null)"
    )
    return _failure(state, env, f"ECS.{code}", cause)


def _failure(state: Any, env: Any, error: str | None, cause: str) -> Any:
    """An exception that fails the state with ``error``: by default States.TaskFailed."""
    failed = StatesErrorNameType.StatesTaskFailed
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=CustomErrorName(error) if error else StatesErrorName(typ=failed),
            event_type=HistoryEventType.TaskFailed,
            event_details={
                "taskFailedEventDetails": TaskFailedEventDetails(
                    error=error or failed.to_name(),
                    cause=cause,
                    resource=state._get_sfn_resource(),
                    resourceType=state._get_sfn_resource_type(),
                )
            },
        )
    )
