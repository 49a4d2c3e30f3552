"""What a launcher is: something that can run the containers of a task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    """A container to run. ``definition`` is its container definition (API names) with the overrides applied."""

    runtime_id: str
    definition: Mapping[str, Any]
    environment: Mapping[str, str]

    @property
    def name(self) -> str:
        return str(self.definition["name"])

    @property
    def image(self) -> str:
        return str(self.definition["image"])


@dataclass(frozen=True)
class TaskSpec:
    """A task to run. ``cpu`` are vCPUs, ``memory`` MiB: the task's limits, for launchers that can enforce them."""

    task_id: str
    containers: tuple[ContainerSpec, ...]
    cpu: float
    memory: int


@dataclass(frozen=True)
class Exit:
    """How a container ended: its exit code (128 + N after signal N), and ECS's reason if there is one."""

    code: int | None
    reason: str | None = None


class Output(Protocol):
    """Where a container's output goes."""

    def write(self, stream: str, data: bytes) -> None:
        """Take bytes of "stdout" or "stderr" as they come. Must not block."""


class RunningContainer(Protocol):
    """A container that was started. Neither method waits; both may be called after its end."""

    def stop(self) -> None:
        """Send SIGTERM to the container's first process."""

    def kill(self) -> None:
        """Send SIGKILL to all of the container's processes."""


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

    def prepare(self, task: TaskSpec) -> Sandbox:
        """Fetch the images and make a place for the task; raises ``LaunchError``."""
