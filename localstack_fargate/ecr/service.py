"""The ECR service as LocalStack loads it."""

from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.skeleton import DispatchTable
from localstack.aws.spec import load_service
from localstack.services.moto import MotoFallbackDispatcher, call_moto
from localstack.services.plugins import Service

from ..configuration import read_configuration
from .provider import EcrProvider
from .registry import Registry


def create_service() -> Service:
    """moto's repositories, and the images of a real registry if one is named; without one, all is moto's.

    Raises ``ConfigurationError`` if an environment variable has a value that cannot work.
    """
    address = read_configuration().ecr_registry
    provider = EcrProvider(Registry(address) if address else None)
    return Service.for_provider(provider, dispatch_table_factory=_dispatch_table)


def _dispatch_table(provider: EcrProvider) -> DispatchTable:
    table = MotoFallbackDispatcher(provider)
    for operation in load_service("ecr").operation_names:
        table.setdefault(operation, _ask_moto)
    return table


def _ask_moto(context: RequestContext, _request: Any) -> Any:
    return call_moto(context)
