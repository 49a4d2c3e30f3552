"""The launcher that runs a task's containers as containers of a Docker engine."""

import logging
import socket
from concurrent.futures import ThreadPoolExecutor

from docker import APIClient
from docker.errors import DockerException

from ...configuration import Configuration, ConfigurationError
from ..base import Capacity, Sandbox, TaskSpec
from .engine import connect
from .host import DockerHost
from .images import Images
from .limits import MIB, UNITS_PER_VCPU
from .memory_watch import MemoryWatch
from .network import FARGATE_ADDRESS, open_network
from .output import OutputReader
from .own_container import find_own_container
from .ownership import Ownership
from .pause import PauseImage
from .sandbox import DockerSandbox
from .starts import Starts

LOG = logging.getLogger(__name__)

MEMORY_FOR_TASKS = 3 / 4  # of the engine's; the rest is the emulator's, the engine's and the machine's
ENDINGS = 4  # containers at a time that are looked at and removed after their end


class DockerLauncher:
    """Runs tasks in the engine that ``connect`` finds, which reach the emulator at ``gateway_address``."""

    def __init__(self, configuration: Configuration, name: str, gateway_port: int) -> None:
        """Remove what an earlier life of the emulator called ``name`` left behind, and make its network.

        The emulator's name is that of its own container if it has one, unless the configuration gives it another.
        Raises ``ConfigurationError`` if tasks could not be run.
        """
        self._docker = _connect()
        own = find_own_container(self._docker)
        own_name = own["Name"].lstrip("/") if own else name
        ownership = Ownership(configuration.name or own_name)
        ownership.remove_everything(self._docker)
        pause = PauseImage(self._docker, ownership)
        network = open_network(self._docker, ownership, pause, own["Id"] if own else None)
        machine = self._docker.info()
        self._host = DockerHost(
            docker=self._docker,
            ownership=ownership,
            network=network,
            images=Images(self._docker),
            pause=pause,
            output=OutputReader(),
            memory_watch=MemoryWatch(),
            starts=Starts(configuration.max_starts),
            endings=ThreadPoolExecutor(ENDINGS, "fargate-ending"),
            most_vcpus=machine["NCPU"] if configuration.cpu_limit == "hard" else None,
        )
        memory = int(machine["MemTotal"] / MIB * MEMORY_FOR_TASKS)
        # More at a time would end no sooner, but all at once: with their memory, and with what comes after them.
        cpu = None if configuration.max_tasks else machine["NCPU"] * UNITS_PER_VCPU
        self.capacity = Capacity(configuration.max_tasks, memory, cpu)
        self.gateway_address = network.gateway_address
        self.gateway_url = f"http://{network.gateway_address}:{gateway_port}"
        self.endpoint_url = f"http://{FARGATE_ADDRESS}"

    def listen(self) -> socket.socket:
        """See ``Launcher``."""
        return self._host.network.listening

    def prepare(self, task: TaskSpec) -> Sandbox:
        """See ``Launcher``."""
        self._host.network.check()
        references = dict.fromkeys(container.image for container in task.containers)
        images = {reference: self._host.images.find(reference, task.architecture) for reference in references}
        return DockerSandbox(self._host, task, images)

    def stop_starting(self) -> None:
        """See ``Launcher``."""
        self._host.starts.close()

    def close(self) -> None:
        """See ``Launcher``: everything that carries the emulator's name, when nothing more can come."""
        self._host.starts.close()
        self._host.starts.wait()
        self._host.ownership.remove_everything(self._docker)


def _connect() -> APIClient:
    try:
        return connect()
    except DockerException as error:
        raise ConfigurationError(f"FARGATE_LAUNCHER=docker: no Docker engine answers: {error}") from error
