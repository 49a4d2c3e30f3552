"""A task's images: used as they are here, else pulled."""

import logging
import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from docker import APIClient
from docker.errors import APIError, ImageNotFound

from ..base import CannotPullContainerError
from .errors import explain

LOG = logging.getLogger(__name__)

# ECS's names of architectures, by the engine's and by those in images.
ARCHITECTURES = {"x86_64": "X86_64", "amd64": "X86_64", "aarch64": "ARM64", "arm64": "ARM64"}


@dataclass(frozen=True)
class Image:
    """An image of this engine. ``stop_signal`` is what ends its containers, SIGTERM if it does not say."""

    id: str
    stop_signal: str


class Images:
    """The engine's images."""

    def __init__(self, docker: APIClient) -> None:
        self._docker = docker
        self._architecture = docker.info()["Architecture"]
        self._pulls: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def find(self, reference: str, architecture: str) -> Image:
        """The image, pulled if it is not here; raises ``CannotPullContainerError``.

        ``architecture`` is the task's, X86_64 or ARM64: the engine's has to be the same.
        """
        own = ARCHITECTURES.get(self._architecture, self._architecture)
        if architecture != own:
            raise CannotPullContainerError(
                f"the task wants a machine with runtimePlatform.cpuArchitecture {architecture}, this one is {own}"
            )
        try:
            found = self._docker.inspect_image(reference)
        except ImageNotFound:
            with self._pulls[reference]:
                found = self._inspect_or_pull(reference)
        except APIError as error:  # such as one that is not a name of an image at all
            raise _cannot_pull(reference, explain(error)) from error
        if ARCHITECTURES.get(found["Architecture"], found["Architecture"]) not in ("", architecture):
            raise CannotPullContainerError(
                "pull image manifest has been retried 1 time(s): image Manifest does not contain descriptor matching "
                f"platform 'linux/{'arm64' if architecture == 'ARM64' else 'amd64'}'"
            )
        return Image(found["Id"], (found["Config"] or {}).get("StopSignal") or "SIGTERM")

    def _inspect_or_pull(self, reference: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._docker.inspect_image(reference)
        except ImageNotFound:
            LOG.info("Pulling image %s", reference)
            try:
                for progress in self._docker.pull(reference, stream=True, decode=True):
                    if "error" in progress:
                        raise _cannot_pull(reference, progress["error"])
                found = self._docker.inspect_image(reference)
            except APIError as error:
                raise _cannot_pull(reference, explain(error)) from error
        return found


def _cannot_pull(reference: str, reason: str) -> CannotPullContainerError:
    return CannotPullContainerError(
        f"pull image manifest has been retried 1 time(s): failed to resolve ref {reference}: {reason}"
    )
