"""RegisterTaskDefinition: volumes, and where the containers mount them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..exceptions import ClientException
from .values import first_duplicate


def check_volumes(volumes: Sequence[Mapping[str, Any]]) -> None:
    """Raise ``ClientException`` for volumes without a name of their own."""
    for volume in volumes:
        if not volume.get("name"):
            raise ClientException("volume.name should not be null or empty.")
        if not re.fullmatch(r"[a-zA-Z0-9_-]{1,255}", volume["name"]):
            raise ClientException("volume.name contains invalid characters.")
    if duplicate := first_duplicate(volume["name"] for volume in volumes):
        raise ClientException(f"Volume names must be unique within a task definition: {duplicate}")


def check_mounts(volumes: Sequence[Mapping[str, Any]], containers: Sequence[Mapping[str, Any]]) -> None:
    """Raise ``ClientException`` if a container mounts what is not there, or two volumes at one place."""
    known = {volume["name"] for volume in volumes}
    for container in containers:
        mounts = container.get("mountPoints") or ()
        for mount in mounts:
            if mount.get("sourceVolume") not in known:
                raise ClientException(f"Unknown volume '{mount.get('sourceVolume')}'.")
            if not mount.get("containerPath"):
                raise ClientException("Container path should not be null or empty.")
        if duplicate := first_duplicate(mount["containerPath"] for mount in mounts):
            raise ClientException(
                f"Container path '{duplicate}' is used in more than one mount point of container '{container['name']}'."
            )
