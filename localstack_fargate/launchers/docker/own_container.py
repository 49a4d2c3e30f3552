"""The container that the emulator itself runs in, if this engine runs it."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import NotFound

CONTAINER_ID = re.compile(r"\b[0-9a-f]{64}\b")


def find_own_container(docker: APIClient) -> dict[str, Any] | None:
    """What the engine says of our container; None if we run on a machine, or in a container of somebody else's."""
    for candidate in _candidates():
        try:
            container: dict[str, Any] = docker.inspect_container(candidate)
        except NotFound:
            continue
        if container["Id"].startswith(candidate) and container["State"]["Running"]:
            return container
    return None


def _candidates() -> Iterator[str]:
    """Ids that could be our container's: a hint each, for the user may choose the host name, and mounts differ."""
    if not Path("/.dockerenv").exists() and not Path("/run/.containerenv").exists():
        return
    # Docker mounts /etc/hostname and others from a folder that has the container's id as its name.
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        root, mount_point = line.split()[3:5]
        if mount_point in ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf"):
            yield from CONTAINER_ID.findall(root)
    yield from CONTAINER_ID.findall(Path("/proc/self/cgroup").read_text())
    if re.fullmatch("[0-9a-f]{12}", socket.gethostname()):
        yield socket.gethostname()
