"""The ECS service as LocalStack loads it."""

from localstack.services.plugins import Service

from ..moto_fallback import service_of
from .provider import EcsProvider


def create_service() -> Service:
    """Our operations, and moto for all others.

    Raises ``ConfigurationError`` if an environment variable has a value that cannot work.
    """
    return service_of(EcsProvider())
