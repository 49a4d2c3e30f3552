"""RegisterTaskDefinition: which container waits for which."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ..exceptions import ClientException

CONDITIONS = ("START", "COMPLETE", "SUCCESS", "HEALTHY")


def check_dependencies(containers: Sequence[Mapping[str, Any]]) -> None:
    """Raise ``ClientException`` if a container waits for something that cannot come."""
    known = {container["name"]: container for container in containers}
    for container in containers:
        for dependency in container.get("dependsOn") or ():
            _check_dependency(known, dependency)
        for link in container.get("volumesFrom") or ():
            if link.get("sourceContainer") not in known:
                raise ClientException(f"Unknown container '{link.get('sourceContainer')}' in volumesFrom.")
    try:
        TopologicalSorter({name: _awaited(container) for name, container in known.items()}).prepare()
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise ClientException(f"The dependencies of the containers form a circle: {circle}") from error


def _awaited(container: Mapping[str, Any]) -> list[str]:
    """The containers that have to be there before this one can be made or started."""
    volumes_from = [link["sourceContainer"] for link in container.get("volumesFrom") or ()]
    return volumes_from + [dependency["containerName"] for dependency in container.get("dependsOn") or ()]


def _check_dependency(known: Mapping[str, Mapping[str, Any]], dependency: Mapping[str, str]) -> None:
    name, condition = dependency.get("containerName"), dependency.get("condition")
    if condition not in CONDITIONS:
        raise ClientException(f"{condition} is not a valid condition. Must be one of [{','.join(CONDITIONS)}]")
    if name is None or name not in known:
        raise ClientException(f"Cannot depend on container + '{name}' because it does not exist")  # ECS's own plus sign
    if condition in ("SUCCESS", "COMPLETE") and known[name].get("essential", True):
        raise ClientException(
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"
        )
    if condition == "HEALTHY" and not known[name].get("healthCheck"):
        raise ClientException("A dependency container with HEALTHY condition must have health check configured")
