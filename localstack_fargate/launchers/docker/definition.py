"""A container definition as what Docker's API wants to create a container.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate
"""

from collections.abc import Mapping
from typing import Any

from ..base import ContainerSpec

# Settings of the network are the namespace's, which a task's containers share; the others are each container's own.
NETWORK_SETTINGS = "net."


def container_settings(container: ContainerSpec) -> dict[str, Any]:
    """Docker's members for everything that concerns the container alone: not its network, limits, and volumes.

    Docker's way with ``Entrypoint`` and ``Cmd`` is ECS's: an entry point of one's own forgets the image's command.
    """
    definition = container.definition
    linux = definition.get("linuxParameters") or {}
    capabilities = linux.get("capabilities") or {}
    return {
        "Image": container.image,
        "Entrypoint": definition.get("entryPoint") or None,
        "Cmd": definition.get("command") or None,
        "Env": [f"{name}={value}" for name, value in container.environment.items()],
        "User": definition.get("user") or "",
        "WorkingDir": definition.get("workingDirectory") or "",
        "Tty": bool(definition.get("pseudoTerminal")),
        "OpenStdin": bool(definition.get("interactive")),
        "Healthcheck": {"Test": ["NONE"]},  # ECS does not look at the image's own
        "HostConfig": {
            "LogConfig": {"Type": "none"},  # we are attached; the engine need not write it to a file, too
            "ReadonlyRootfs": bool(definition.get("readonlyRootFilesystem")),
            "Init": bool(linux.get("initProcessEnabled")),
            "CapAdd": capabilities.get("add") or [],
            "CapDrop": capabilities.get("drop") or [],
            "Ulimits": [
                {"Name": limit["name"], "Soft": limit["softLimit"], "Hard": limit["hardLimit"]}
                for limit in definition.get("ulimits") or ()
            ],
            "Sysctls": {
                name: value
                for name, value in kernel_settings(definition).items()
                if not name.startswith(NETWORK_SETTINGS)
            },
        },
    }


def kernel_settings(definition: Mapping[str, Any]) -> dict[str, str]:
    """The container's ``systemControls`` by name."""
    return {control["namespace"]: control["value"] for control in definition.get("systemControls") or ()}
