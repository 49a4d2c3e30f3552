"""Everything that LocalStack loads by entry point (see ``pyproject.toml``), imported only when it is needed."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from localstack.runtime import hooks
from localstack.services.cloudformation.resource_provider import CloudFormationResourceProviderPlugin
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.plugins import Service, aws_provider

LOG = logging.getLogger(__name__)


@aws_provider()
def ecs() -> Service:
    """The ECS API: moto's clusters and task definitions, and tasks of our own that really run."""
    from localstack_fargate.ecs.service import create_service

    return create_service()


@aws_provider()
def ecr() -> Service:
    """The ECR API: moto's repositories, and the images of a real registry if FARGATE_ECR_REGISTRY names one."""
    from localstack_fargate.ecr.service import create_service

    return create_service()


class EcsClusterProviderPlugin(CloudFormationResourceProviderPlugin):
    name = "AWS::ECS::Cluster"

    def __init__(self) -> None:
        self.factory: Any = None

    def load(self) -> None:
        from localstack_fargate.cloudformation.cluster import EcsClusterProvider

        self.factory = EcsClusterProvider


class EcsTaskDefinitionProviderPlugin(CloudFormationResourceProviderPlugin):
    name = "AWS::ECS::TaskDefinition"

    def __init__(self) -> None:
        self.factory: Any = None

    def load(self) -> None:
        from localstack_fargate.cloudformation.task_definition import EcsTaskDefinitionProvider

        self.factory = EcsTaskDefinitionProvider


class CloudWatchDashboardProviderPlugin(CloudFormationResourceProviderPlugin):
    name = "AWS::CloudWatch::Dashboard"

    def __init__(self) -> None:
        self.factory: Any = None

    def load(self) -> None:
        from localstack_fargate.cloudformation.dashboard import CloudWatchDashboardProvider

        self.factory = CloudWatchDashboardProvider


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):
    """Chosen by ``LAMBDA_RUNTIME_EXECUTOR=process``."""

    name = "process"

    def load(self, *_args: object, **_kwargs: object) -> Any:
        from localstack_fargate.lambda_process.executor import ProcessRuntimeExecutor

        return ProcessRuntimeExecutor


@hooks.on_infra_start(priority=200)  # before there is anything to leave behind
def refuse_web_pages() -> None:
    """Keep pages that are open in a browser away from the account.

    Ends the emulator if that cannot be done: whoever opens a web page while it runs would let the page run code.
    """
    from localstack.runtime.exceptions import LocalstackExit

    try:
        from localstack_fargate.gateway.request_guard import install

        install()
    except (ImportError, AttributeError) as error:
        raise LocalstackExit(f"The gateway cannot refuse web pages, it is not the one we know: {error}", 1) from error


@hooks.on_infra_start()
def enforce_iam() -> None:
    """Let roles' sessions do what their policies allow, and nothing else, if ``FARGATE_ENFORCE_IAM=1``.

    Ends the emulator if that cannot be done: whoever wants it would otherwise believe that the policies are right.
    """
    from localstack.runtime.exceptions import LocalstackExit

    from localstack_fargate.configuration import read_configuration

    if not read_configuration().enforce_iam:
        return
    try:
        from localstack_fargate.iam.enforcement import install

        install()
    except (ImportError, AttributeError, ValueError) as error:
        raise LocalstackExit(f"IAM cannot be enforced, this LocalStack is not the one we know: {error}", 1) from error


@hooks.on_infra_start()
def refuse_wrong_types() -> None:
    """Let ECS refuse JSON of other types than its API's, as AWS does."""
    with _known_localstack(otherwise="ECS will NOT refuse values of wrong types"):
        from localstack_fargate.gateway.request_types import install

        install()


@hooks.on_infra_start(priority=100)
def open_fargate_launcher() -> None:
    """Make room for tasks before the gateway starts, which has to listen there, too.

    Ends the emulator at once if it could not run a task anyway: the first RunTask would be late to say so.
    """
    from localstack.runtime.exceptions import LocalstackExit

    from localstack_fargate.configuration import ConfigurationError, read_configuration
    from localstack_fargate.launchers import create_launcher

    try:
        create_launcher(read_configuration())
    except ConfigurationError as error:
        raise LocalstackExit(str(error), 1) from error


@hooks.on_infra_shutdown(priority=-30)  # services end at -10, what they leave to do at -20
def close_fargate_launcher() -> None:
    """Leave nothing behind, also if ECS was never used; its tasks have ended with the services before this."""
    from localstack_fargate.launchers import close_launcher

    close_launcher()


@hooks.on_infra_start()
def fail_states_of_failed_tasks() -> None:
    """Let ``ecs:runTask.sync`` fail when the task did, as Step Functions does on AWS."""
    with _known_localstack(otherwise="ecs:runTask.sync will NOT fail when its task does"):
        from localstack_fargate.stepfunctions.run_task_sync import install

        install()


@hooks.on_infra_start()
def abort_stopped_executions() -> None:
    """Let an execution that was stopped end as ABORTED, as on AWS."""
    with _known_localstack(otherwise="Executions that are stopped will NOT always end as ABORTED"):
        from localstack_fargate.stepfunctions.stopped_executions import install

        install()


@hooks.on_infra_start()
def parse_state_machines_once() -> None:
    """Spare executions the parsing of what has been parsed before."""
    with _known_localstack(otherwise="Each execution will parse its paths and its definition anew, and be slow"):
        from localstack_fargate.stepfunctions.parsed_once import install

        install()


@hooks.on_infra_start()
def bound_events_at_once() -> None:
    """Let functions that run as processes handle as many events at a time as there are CPUs."""
    from localstack import config

    if ProcessRuntimeExecutorPlugin.name == config.LAMBDA_RUNTIME_EXECUTOR:
        with _known_localstack(otherwise="A burst of events will start more functions than there are CPUs"):
            from localstack_fargate.lambda_process.events_at_once import install

            install()


@hooks.on_infra_start()
def let_event_rules_run_tasks() -> None:
    """Let EventBridge rules have ECS tasks as their targets."""
    with _known_localstack(otherwise="EventBridge rules will NOT run tasks"):
        from localstack_fargate.eventbridge.run_task_target import install

        install()


@hooks.on_infra_start()
def survive_closed_connections() -> None:
    """Let internal calls be sent again when the gateway has closed their connection."""
    with _known_localstack(otherwise="States will fail with States.Runtime when an idle connection is closed"):
        from localstack_fargate.gateway.closed_connections import install

        install()


@hooks.on_infra_start()
def make_metrics_of_log_events() -> None:
    """Make metrics of log events in CloudWatch's embedded metric format."""
    with _known_localstack(otherwise="Log events will NOT become metrics"):
        from localstack_fargate.embedded_metrics.log_events import install

        install()


@hooks.on_infra_start()
def roll_back_change_sets() -> None:
    """Let a change set of CloudFormation that fails be rolled back, as on AWS."""
    with _known_localstack(otherwise="Change sets that fail will NOT be rolled back"):
        from localstack_fargate.cloudformation.change_sets import install

        install()


@contextlib.contextmanager
def _known_localstack(otherwise: str) -> Iterator[None]:
    """Start without what is installed here, and say so, if LocalStack no longer has the parts that it changes."""
    try:
        yield
    except (AttributeError, ImportError, ValueError):
        LOG.exception("%s: this LocalStack is not the one we know", otherwise)
