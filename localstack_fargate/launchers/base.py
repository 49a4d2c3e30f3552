"""What a launcher is: something that can run the containers of a task."""

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class LaunchError(Exception):
    """A task could not be started. ``str()`` is the stoppedReason that AWS would show."""

    name = "TaskFailedToStart"

    def __str__(self) -> str:
        return f"{self.name}: {super().__str__()}"


class CannotPullContainerError(LaunchError):
    """The image is not there, or cannot be fetched."""

    name = "CannotPullContainerError"


class CannotStartContainerError(LaunchError):
    """The container is there, but its process cannot be started."""

    name = "CannotStartContainerError"


class ResourceInitializationError(LaunchError):
    """Something that the task needs from outside is missing: its log group, a secret, a role."""

    name = "ResourceInitializationError"


@dataclass(frozen=True)
class ContainerSpec:
    """A container to run. ``definition`` is its container definition (API names) with the overrides applied.

    ``environment`` is complete: what Fargate sets, environment files and secrets included.
    """

    runtime_id: str
    definition: Mapping[str, Any]
    environment: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.definition["name"])

    @property
    def image(self) -> str:
        return str(self.definition["image"])


@dataclass(frozen=True)
class TaskSpec:
    """A task to run. ``cpu`` are vCPUs, ``memory`` MiB: the task's limits, for launchers that can enforce them.

    ``volumes`` are the names of the task's volumes, which live as long as the task; ``architecture`` is ECS's
    ``X86_64`` or ``ARM64``; ``mac_address`` is that of the task's network interface, if it has one.
    """

    task_id: str
    containers: tuple[ContainerSpec, ...]
    cpu: float
    memory: int
    volumes: tuple[str, ...] = ()
    architecture: str = "X86_64"
    mac_address: str | None = None


@dataclass(frozen=True)
class Exit:
    """How a container ended: its exit code (128 + N after signal N), and ECS's reason if there is one."""

    code: int | None
    reason: str | None = None


@dataclass(frozen=True)
class Capacity:
    """How much may run at a time: a number of tasks, the sum of their memory in MiB, and that of their CPU units, of
    which a vCPU has 1024. None is without bound.
    """

    tasks: int | None = None
    memory: int | None = None
    cpu: int | None = None


@dataclass(frozen=True)
class NetworkFacts:
    """A network that a container is in, as the container runtime sees it."""

    ipv4_address: str
    ipv4_subnet: str
    ipv4_gateway: str
    mac_address: str


@dataclass(frozen=True)
class ContainerFacts:
    """What the container runtime knows of a container. ``image_id`` is ``sha256:…``, or empty if it has none."""

    id: str
    name: str
    image_id: str = ""
    network: NetworkFacts | None = None


class Output(Protocol):
    """Where a container's output goes."""

    def write(self, stream: str, data: bytes) -> None:
        """Take bytes of "stdout" or "stderr" as they come. Must not block."""


class RunningContainer(Protocol):
    """A container that was started. Every method may be called after its end, too."""

    def stop(self) -> None:
        """Send SIGTERM to the container's first process. Does not wait."""

    def kill(self) -> None:
        """Send SIGKILL to all of the container's processes. Does not wait."""

    def run(self, command: Sequence[str], timeout: float) -> int | None:
        """Run a command inside the container and wait for it, ``timeout`` seconds at most.

        Returns its exit code, None if it took too long or the container has ended. Nothing of it stays behind.
        """

    def facts(self) -> ContainerFacts:
        """What the runtime knows of it."""

    def statistics(self) -> Mapping[str, Any] | None:
        """Its use of CPU, memory, disk and network now, as Docker's API gives it; None if the runtime cannot tell."""


class Sandbox(Protocol):
    """One task's place to run in: its network, its volumes."""

    def start(self, container: ContainerSpec, output: Output, on_exit: Callable[[Exit], None]) -> RunningContainer:
        """Start a container; raises ``LaunchError``.

        ``on_exit`` is called once, from any thread, when the container's processes are gone and all their output was
        written.
        """

    def close(self) -> None:
        """Remove what is left of the task. Its containers have ended."""


class Launcher(Protocol):
    """Runs tasks in one particular way."""

    capacity: Capacity

    gateway_url: str
    """The emulator's gateway as a task reaches it."""

    endpoint_url: str
    """The task endpoint as a task reaches it: ``http://169.254.170.2`` if that can be had, as on Fargate."""

    def listen(self) -> socket.socket:
        """Open the listening socket that tasks find at ``endpoint_url``."""

    def prepare(self, task: TaskSpec) -> Sandbox:
        """Fetch the images and make a place for the task; raises ``LaunchError``."""

    def stop_starting(self) -> None:
        """Let every start of a container from now on raise ``LaunchError``, also those that wait for something."""

    def close(self) -> None:
        """Remove what the launcher itself has made, and what is left of tasks."""
