"""The ECS service as LocalStack loads it."""

from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.skeleton import DispatchTable
from localstack.aws.spec import load_service
from localstack.services.moto import MotoFallbackDispatcher, call_moto
from localstack.services.plugins import Service

from .provider import EcsProvider


def create_service() -> Service:
    """Our operations, and moto for all others.

    Raises ``ConfigurationError`` if an environment variable has a value that cannot work.
    """
    return Service.for_provider(EcsProvider(), dispatch_table_factory=_dispatch_table)


def _dispatch_table(provider: EcsProvider) -> DispatchTable:
    table = MotoFallbackDispatcher(provider)
    # It falls back only for operations that the provider declares; there are some fifty more.
    for operation in load_service("ecs").operation_names:
        table.setdefault(operation, _ask_moto)
    return table


def _ask_moto(context: RequestContext, _request: Any) -> Any:
    return call_moto(context)
