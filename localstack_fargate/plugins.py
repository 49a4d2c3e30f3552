"""Everything that LocalStack loads by entry point (see ``pyproject.toml``), imported only when it is needed."""

from typing import Any

from localstack.runtime import hooks
from localstack.services.cloudformation.resource_provider import CloudFormationResourceProviderPlugin
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.plugins import Service, aws_provider


@aws_provider()
def ecs() -> Service:
    """The ECS API: moto's clusters and task definitions, and tasks of our own that really run."""
    from localstack_fargate.ecs.service import create_service

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


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):
    """Chosen by ``LAMBDA_RUNTIME_EXECUTOR=process``."""

    name = "process"

    def load(self, *_args: object, **_kwargs: object) -> Any:
        from localstack_fargate.lambda_process.executor import ProcessRuntimeExecutor

        return ProcessRuntimeExecutor


@hooks.on_infra_start()
def fail_states_of_failed_tasks() -> None:
    """Let ``ecs:runTask.sync`` fail when the task did, as Step Functions does on AWS."""
    from localstack_fargate.stepfunctions.run_task_sync import install

    install()
