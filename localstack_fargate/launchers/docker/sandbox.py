"""A task's place in the engine: its containers, the network that they share, its volumes."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from docker.errors import APIError

from ..base import ContainerFacts, ContainerSpec, Exit, LaunchError, Output, RunningContainer, TaskSpec
from .container import DockerContainer
from .definition import NETWORK_SETTINGS, container_settings, kernel_settings
from .errors import CannotCreateContainerError, cannot_create, cannot_start
from .host import DockerHost
from .images import Image
from .limits import cpu_limits, memory_limits
from .memory_watch import may_exceed
from .network import network_settings
from .ownership import remove_container, remove_volume


class DockerSandbox:
    """The containers of one task.

    A single one has a network namespace of its own; several share that of a pause container. ``images`` are those of
    the containers, by the names that their definitions use.
    """

    def __init__(self, host: DockerHost, task: TaskSpec, images: Mapping[str, Image]) -> None:
        self._host = host
        self._task = task
        self._images = images
        self._address = host.network.take_address()
        self._pause: str | None = None
        self._created: dict[str, DockerContainer] = {}
        self._lock = threading.RLock()
        if len(task.containers) > 1:
            try:
                self._start_pause()
            except BaseException:
                self.close()
                raise
            if may_exceed(task):
                host.memory_watch.add(task, lambda: list(self._created.values()))

    def start(self, container: ContainerSpec, output: Output, on_exit: Callable[[Exit], None]) -> RunningContainer:
        """See ``Sandbox``."""
        with self._host.starts.turn():
            created = self._create(container)
            try:
                self._host.starts.check()
                created.start(output, on_exit)
            except LaunchError:
                created.remove()
                raise
            except APIError as error:
                created.remove()
                raise cannot_start(error) from error
        return created

    def close(self) -> None:
        """See ``Sandbox``."""
        self._host.memory_watch.remove(self._task)
        for created in self._created.values():
            if not created.started:
                created.remove()
            created.removed.wait()
        if self._pause is not None:
            remove_container(self._host.docker, self._pause)
        for volume in self._task.volumes:
            remove_volume(self._host.docker, self._volume(volume))
        self._host.network.give_back_address(self._address)

    def _start_pause(self) -> None:
        """Start the container whose network the others share."""
        settings: dict[str, Any] = {
            "Labels": self._host.ownership.of_task(self._task.task_id),
            "HostConfig": {"NetworkMode": self._host.network.name, "LogConfig": {"Type": "none"}},
            **network_settings(self._host.network.name, self._address, self._task.mac_address),
        }
        settings["HostConfig"]["Sysctls"] = {
            name: value
            for container in self._task.containers
            for name, value in kernel_settings(container.definition).items()
            if name.startswith(NETWORK_SETTINGS)
        }
        docker = self._host.docker
        with self._host.starts.turn():
            try:
                settings["Image"] = self._host.pause.id()
                self._pause = docker.create_container_from_config(settings, f"fargate-{self._task.task_id}.pause")["Id"]
            except APIError as error:
                raise cannot_create(error) from error
            self._host.starts.check()
            try:
                docker.start(self._pause)
            except APIError as error:
                raise cannot_start(error) from error

    def _create(self, container: ContainerSpec) -> DockerContainer:
        """Create the container, unless one that has its volumes already did so."""
        with self._lock:
            if container.name not in self._created:
                self._created[container.name] = self._create_now(container)
            return self._created[container.name]

    def _create_now(self, container: ContainerSpec) -> DockerContainer:
        definition = container.definition
        settings = container_settings(container)
        settings["Labels"] = {
            **(definition.get("dockerLabels") or {}),
            **container.labels,
            **self._host.ownership.of_task(self._task.task_id),
        }
        settings["HostConfig"] |= {
            **memory_limits(self._task, definition),
            **cpu_limits(self._task, definition, self._host.most_vcpus),
            "Mounts": [self._mount(point) for point in definition.get("mountPoints") or ()],
            "VolumesFrom": [self._volumes_from(source) for source in definition.get("volumesFrom") or ()],
        }
        if self._pause is not None:
            settings["HostConfig"]["NetworkMode"] = f"container:{self._pause}"
        else:
            settings["HostConfig"]["NetworkMode"] = self._host.network.name
            settings["HostConfig"]["Sysctls"] = kernel_settings(definition)
            settings |= network_settings(self._host.network.name, self._address, self._task.mac_address)
        name, image = self._name(container.name), self._images[container.image]
        try:
            created = self._host.docker.create_container_from_config(settings, name)["Id"]
        except APIError as error:
            raise cannot_create(error) from error
        facts = ContainerFacts(created, name, image.id)
        return DockerContainer(self._host, facts, self._pause or created, image.stop_signal, settings["Tty"])

    def _mount(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """A mount point as Docker's Mount. The first container that mounts it makes the volume."""
        return {
            "Type": "volume",
            "Source": self._volume(point["sourceVolume"]),
            "Target": point["containerPath"],
            "ReadOnly": bool(point.get("readOnly")),
            "VolumeOptions": {"Labels": self._host.ownership.of_task(self._task.task_id)},
        }

    def _volumes_from(self, source: Mapping[str, Any]) -> str:
        """Another container's volumes, as Docker wants them named; that container has to be created before."""
        for container in self._task.containers:
            if container.name == source.get("sourceContainer"):
                return f"{self._create(container).id}:{'ro' if source.get('readOnly') else 'rw'}"
        raise CannotCreateContainerError(f"volumesFrom: there is no container {source.get('sourceContainer')}")

    def _volume(self, name: str) -> str:
        return f"fargate-{self._task.task_id}-{name}"

    def _name(self, container: str) -> str:
        return f"fargate-{self._task.task_id}-{container}"
