"""Services of which some operations are ours, and all others moto's."""

from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.skeleton import DispatchTable
from localstack.aws.spec import load_service
from localstack.services.moto import MotoFallbackDispatcher, call_moto
from localstack.services.plugins import Service


def service_of(provider: Any) -> Service:
    """The service of a provider, as LocalStack loads it."""
    return Service.for_provider(provider, dispatch_table_factory=_dispatch_table)


def _dispatch_table(provider: Any) -> DispatchTable:
    table = MotoFallbackDispatcher(provider)
    # It falls back only for operations that the provider declares.
    for operation in load_service(provider.service).operation_names:
        table.setdefault(operation, _ask_moto)
    return table


def _ask_moto(context: RequestContext, _request: Any) -> Any:
    return call_moto(context)
