"""Launch types and capacity provider strategies."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..exceptions import InvalidParameterException
from .values import check_one_of

FARGATE_PROVIDERS = ("FARGATE", "FARGATE_SPOT")
LAUNCH_TYPES = ("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES")
MAX_PROVIDERS = 20
MAX_WEIGHT = 1000
MAX_BASE = 100_000

SEVERAL_BASES = (
    "There are multiple capacity providers in the specified capacity provider strategy with a base value greater than "
    "zero. Only one capacity provider can have a base value greater than zero. Specify a valid capacity provider "
    "strategy and try again."
)
SEVERAL_BASES_BY_DEFAULT = (
    "The specified capacity provider strategy contains multiple capacity providers with a base value defined. Only one "
    "capacity provider per strategy can have a base value defined."
)
NO_WEIGHT = (
    "There are no capacity providers in the capacity provider strategy with a weight value greater than zero. "
    "Specify a weight value greater than zero for at least one capacity provider and try again."
)
NO_WEIGHT_BY_DEFAULT = (
    "There are no capacity providers with a weight value greater than zero defined in the default capacity provider "
    "strategy. At least one capacity provider must have a weight value greater than zero specified. Update the "
    "cluster's default capacity provider strategy or specify a valid capacity provider strategy and try again."
)

type Strategy = Sequence[Mapping[str, Any]]


def check_launch_type(request: Mapping[str, Any]) -> None:
    """Raise if the launch type is none of AWS's, or contradicts what else says where the tasks shall run."""
    launch_type = request.get("launchType")
    check_one_of(launch_type, LAUNCH_TYPES, "launch type")
    if launch_type and request.get("capacityProviderStrategy"):
        raise InvalidParameterException(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )


def check_strategy(strategy: Strategy, associated: Iterable[str], is_default: bool = False) -> None:
    """Raise if tasks cannot be placed by the strategy on a cluster with these capacity providers.

    A cluster may have a default strategy without weights, which no task can use.
    """
    if len(strategy) > MAX_PROVIDERS:
        raise InvalidParameterException(
            f"The specified capacity provider strategy cannot contain more than {MAX_PROVIDERS} capacity providers."
        )
    providers = [str(item.get("capacityProvider") or "") for item in strategy]
    if len(set(providers)) < len(providers):
        raise InvalidParameterException(
            "The specified capacity provider strategy cannot contain a capacity provider more than once."
        )
    if not set(providers) <= set(associated):
        raise InvalidParameterException(
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated with "
            "the cluster. Associate the capacity provider with the cluster or specify a valid capacity provider and "
            "try again."
        )
    weights = [int(item.get("weight") or 0) for item in strategy]
    bases = [int(item.get("base") or 0) for item in strategy]
    if not all(0 <= weight <= MAX_WEIGHT for weight in weights):
        raise InvalidParameterException(f"The weight of a capacity provider must be between 0 and {MAX_WEIGHT}.")
    if not all(0 <= base <= MAX_BASE for base in bases):
        raise InvalidParameterException(f"The base of a capacity provider must be between 0 and {MAX_BASE}.")
    if sum(base > 0 for base in bases) > 1:
        raise InvalidParameterException(SEVERAL_BASES_BY_DEFAULT if is_default else SEVERAL_BASES)
    if len(strategy) > 1 and not any(weights) and not is_default:  # a single provider needs no weight
        raise InvalidParameterException(NO_WEIGHT)


def check_default_weights(strategy: Strategy) -> None:
    """Raise if RunTask is to use the cluster's default strategy, and that places no task anywhere."""
    if strategy and not any(item.get("weight") for item in strategy):
        raise InvalidParameterException(NO_WEIGHT_BY_DEFAULT)


def distribute(strategy: Strategy, count: int) -> list[str]:
    """The capacity provider of each of ``count`` tasks: first those of a base, the others by weight."""
    chosen = [str(item["capacityProvider"]) for item in strategy for _ in range(int(item.get("base") or 0))][:count]
    if len(strategy) == 1:
        return [str(strategy[0]["capacityProvider"])] * count
    weights = {str(item["capacityProvider"]): int(item.get("weight") or 0) for item in strategy if item.get("weight")}
    placed = dict.fromkeys(weights, 0)
    while len(chosen) < count:
        provider = min(weights, key=lambda name: (placed[name] + 1) / weights[name])
        placed[provider] += 1
        chosen.append(provider)
    return chosen
