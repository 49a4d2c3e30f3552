"""What the engine says is wrong, in the words of ECS."""

from docker.errors import APIError

from ..base import CannotStartContainerError, LaunchError


class CannotCreateContainerError(LaunchError):
    """The container's definition asks for something that the engine refuses."""

    name = "CannotCreateContainerError"


def cannot_create(error: APIError) -> CannotCreateContainerError:
    """The engine refused to create a container."""
    return CannotCreateContainerError(f"Error response from daemon: {explain(error)}")


def cannot_start(error: APIError) -> CannotStartContainerError:
    """The engine could not start a container."""
    return CannotStartContainerError(
        f"ResourceInitializationError: failed to create new container runtime task: {explain(error)}"
    )


def explain(error: APIError) -> str:
    """The engine's own words."""
    return str(error.explanation or error).strip()
