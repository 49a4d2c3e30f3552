"""The ECR service as LocalStack loads it."""

from localstack.services.plugins import Service

from ..configuration import read_configuration
from ..moto_fallback import service_of
from .provider import EcrProvider
from .registry import Registry


def create_service() -> Service:
    """moto's repositories, and the images of a real registry if one is named; without one, all is moto's.

    Raises ``ConfigurationError`` if an environment variable has a value that cannot work.
    """
    address = read_configuration().ecr_registry
    return service_of(EcrProvider(Registry(address) if address else None))
