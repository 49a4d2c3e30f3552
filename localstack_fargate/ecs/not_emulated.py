"""What a valid task definition can ask for and Fargate would give, but this emulation does not."""

from collections.abc import Iterator

from ..launchers.base import ResourceInitializationError
from .definitions import TaskDefinition

CONTAINER_PARAMETERS = ("repositoryCredentials", "restartPolicy")


def check_volumes(definition: TaskDefinition) -> None:
    """Raise ``ResourceInitializationError`` for EFS: a task that found an empty volume would believe its data lost."""
    for volume in definition.volumes:
        if volume.get("efsVolumeConfiguration"):
            raise ResourceInitializationError(
                f"failed to mount volume {volume['name']}: EFS volumes are not emulated; without its "
                "efsVolumeConfiguration the volume is a local one"
            )


def ignored_parameters(definition: TaskDefinition) -> Iterator[str]:
    """The parameters that change nothing here, as ``name`` of the task, or ``name of container x``."""
    if definition.pid_mode:
        yield "pidMode"
    if definition.proxy_configuration:
        yield "proxyConfiguration"
    for container in definition.containers:
        for parameter in CONTAINER_PARAMETERS:
            if container.get(parameter):
                yield f"{parameter} of container {container['name']}"
