"""CreateCluster's and DescribeClusters' parameters."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..exceptions import InvalidParameterException
from .capacity import FARGATE_PROVIDERS, check_strategy
from .tags import check_tags
from .values import check_items

NAME = r"^[a-zA-Z0-9\-_]{1,255}$"
MAX_DESCRIBED = 100


def check_create_cluster(request: Mapping[str, Any], own_providers: Iterable[str]) -> None:
    """Raise ``InvalidParameterException`` for a cluster that cannot be; the account has its own capacity providers."""
    name = request.get("clusterName")
    if name is not None and not re.fullmatch(NAME, name):
        raise InvalidParameterException(f"ClusterName must match {NAME}")
    check_tags(request.get("tags"))
    check_providers(request, own_providers)


def check_providers(request: Mapping[str, Any], own_providers: Iterable[str]) -> None:
    """Raise ``InvalidParameterException`` unless the capacity providers exist and the default strategy uses them."""
    providers = request.get("capacityProviders") or ()
    if not set(providers) <= {*FARGATE_PROVIDERS, *own_providers}:
        raise InvalidParameterException(
            "The specified capacity provider was not found. Specify a valid capacity provider and try again."
        )
    check_strategy(request.get("defaultCapacityProviderStrategy") or (), providers, is_default=True)


def check_describe_clusters(request: Mapping[str, Any]) -> None:
    """Raise ``InvalidParameterException`` if too many clusters are asked for."""
    check_items(request.get("clusters") or (), MAX_DESCRIBED, "Clusters", InvalidParameterException)
