"""Whose is what: everything that an emulator makes in the engine carries its name."""

import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor

from docker import APIClient

from .engine import RequestFailed

LOG = logging.getLogger(__name__)

EMULATOR = "localstack-fargate.emulator"
TASK = "localstack-fargate.task"
REMOVALS = 8  # containers at a time: an emulator has a few seconds for its end


class Ownership:
    """The labels of an emulator's things. ``emulator`` is a name that stays the same when it is started again."""

    def __init__(self, emulator: str) -> None:
        self.emulator = emulator
        self.labels = {EMULATOR: emulator}

    def of_task(self, task_id: str) -> dict[str, str]:
        """The labels of something that ends with a task."""
        return {**self.labels, TASK: task_id}

    def remove_everything(self, docker: APIClient) -> None:
        """Remove what an emulator of this name has made: containers, volumes, networks, images."""
        filters = {"label": f"{EMULATOR}={self.emulator}"}
        with ThreadPoolExecutor(REMOVALS, "fargate-removal") as removals:
            for container in docker.containers(all=True, filters=filters):
                LOG.info("Removing container %s", container["Id"])
                removals.submit(remove_container, docker, container["Id"])
        for volume in docker.volumes(filters=filters)["Volumes"] or ():
            remove_volume(docker, volume["Name"])
        for network in docker.networks(filters=filters):
            remove_network(docker, network["Id"])
        for image in docker.images(filters=filters, quiet=True):
            try:
                docker.remove_image(image, force=True)
            except RequestFailed as error:
                LOG.warning("Image %s was not removed: %s", image, error)


def remove_container(docker: APIClient, container_id: str) -> None:
    """End a container, however it is doing, and remove it with its anonymous volumes."""
    try:
        docker.remove_container(container_id, force=True, v=True)
    except RequestFailed as error:
        if not _is_gone(error):
            LOG.warning("Container %s was not removed: %s", container_id, error)


def remove_volume(docker: APIClient, name: str) -> None:
    """Remove a volume that no container uses any more."""
    try:
        docker.remove_volume(name)
    except RequestFailed as error:
        if not _is_gone(error):
            LOG.warning("Volume %s was not removed: %s", name, error)


def remove_network(docker: APIClient, network_id: str) -> None:
    """Remove a network, and whoever is in it from it.

    An engine may still count containers there that have just gone: it is asked twice. Should it not do it even so, the
    emulator will use the network again when it is started the next time.
    """
    try:
        try:
            _disconnect_all_and_remove(docker, network_id)
        except RequestFailed as error:
            if not _is_gone(error):
                _disconnect_all_and_remove(docker, network_id)
    except RequestFailed as error:
        if not _is_gone(error):
            LOG.warning("Network %s was not removed: %s", network_id, error)


def _disconnect_all_and_remove(docker: APIClient, network_id: str) -> None:
    for container_id in docker.inspect_network(network_id)["Containers"] or ():
        with contextlib.suppress(*RequestFailed):  # one that is going away by itself; the network's removal will tell
            docker.disconnect_container_from_network(container_id, network_id, force=True)
    docker.remove_network(network_id)


def _is_gone(error: Exception) -> bool:
    """Whether the engine says that there is no such thing, or that its removal is under way."""
    return getattr(error, "status_code", None) == 404 or "is already in progress" in str(error)
