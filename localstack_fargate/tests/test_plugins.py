"""What the emulator starts without, and says so, if its LocalStack is another one."""

import sys
from collections.abc import Callable

import pytest

from localstack_fargate.plugins import (
    abort_stopped_executions,
    fail_states_of_failed_tasks,
    let_event_rules_run_tasks,
    make_metrics_of_log_events,
    parse_state_machines_once,
    refuse_wrong_types,
    roll_back_change_sets,
    survive_closed_connections,
)


@pytest.mark.parametrize(
    ("hook", "missing", "said"),
    [
        (
            fail_states_of_failed_tasks,
            "localstack.services.stepfunctions.asl.component.common.error_name.failure_event",
            "ecs:runTask.sync will NOT fail when its task does",
        ),
        (let_event_rules_run_tasks, "localstack.services.events.target", "EventBridge rules will NOT run tasks"),
        (refuse_wrong_types, "localstack.aws.handlers", "ECS will NOT refuse values of wrong types"),
        (make_metrics_of_log_events, "localstack.services.logs.provider", "Log events will NOT become metrics"),
        (
            survive_closed_connections,
            "localstack.aws.connect",
            "States will fail with States.Runtime when an idle connection is closed",
        ),
        (
            roll_back_change_sets,
            "localstack.services.cloudformation.engine.v2.change_set_model_executor",
            "Change sets that fail will NOT be rolled back",
        ),
        (
            abort_stopped_executions,
            "localstack.services.stepfunctions.backend.execution_worker",
            "Executions that are stopped will NOT always end as ABORTED",
        ),
        (
            parse_state_machines_once,
            "localstack.services.stepfunctions.asl.parse",
            "Each execution will parse its paths and its definition anew, and be slow",
        ),
    ],
    ids=[
        "step-functions",
        "event-rules",
        "request-types",
        "embedded-metrics",
        "connections",
        "change-sets",
        "stopped",
        "parsing",
    ],
)
def test_another_localstack(
    hook: Callable[[], None],
    missing: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for ours in (
        "localstack_fargate.stepfunctions.parsed_once",
        "localstack_fargate.stepfunctions.run_task_sync",
        "localstack_fargate.stepfunctions.stopped_executions",
        "localstack_fargate.eventbridge.run_task_target",
        "localstack_fargate.embedded_metrics.log_events",
        "localstack_fargate.cloudformation.change_sets",
        "localstack_fargate.gateway.closed_connections",
    ):
        monkeypatch.delitem(sys.modules, ours, raising=False)
    monkeypatch.setitem(sys.modules, missing, None)  # makes Python's import raise
    hook()
    assert f"{said}: this LocalStack is not the one we know" in caplog.text
