"""The bridge that an emulator's tasks are on, where the emulator has the address 169.254.170.2.

That is where SDKs look for the credentials of a task's role, and they look nowhere else. Each emulator has a bridge of
its own, so that any number of them can have that address side by side:

- An emulator in a container joins its bridge with 169.254.170.2 as a link-local address, and each task gets another one
  of 169.254.0.0/16, by which it reaches its neighbour directly. The engine gives out such addresses unmanaged.
- An emulator on the machine gives 169.254.170.2 to the bridge itself. Tasks find it through their default route, and
  the socket that listens there is bound to the bridge.
"""

import ipaddress
import os
import socket
import threading
from typing import Any, Protocol

from docker import APIClient

from ...configuration import ConfigurationError
from ..base import ResourceInitializationError
from .host_address import add_address
from .ownership import Ownership, remove_network

FARGATE_ADDRESS = "169.254.170.2"
ENDPOINT_PORT = 80
BACKLOG = 128
TASK_ADDRESSES = ipaddress.ip_network("169.254.172.0/22")  # as on Fargate


class TaskNetwork(Protocol):
    """A bridge for tasks."""

    name: str

    def take_address(self) -> str | None:
        """A link-local address for a task, None if it needs none; raises ``ResourceInitializationError``."""

    def give_back_address(self, address: str | None) -> None:
        """The task has ended."""

    def listen(self) -> socket.socket:
        """Listen at the address where tasks look for credentials; raises ``ConfigurationError``."""


def open_network(docker: APIClient, ownership: Ownership, own_container: str | None) -> TaskNetwork:
    """Make the emulator's bridge; raises ``ConfigurationError`` if the emulator cannot be on it."""
    if own_container is None and not (os.geteuid() == 0 and os.uname().sysname == "Linux"):
        raise ConfigurationError(
            "FARGATE_LAUNCHER=docker: tasks could not reach the emulator, which has to run in a container of this "
            "Docker engine or as root on its machine; FARGATE_LAUNCHER=process runs tasks without Docker"
        )
    name = f"fargate-{ownership.emulator}"
    network = docker.create_network(name, driver="bridge", labels=ownership.labels, check_duplicate=True)["Id"]
    try:
        if own_container is None:
            return MachineNetwork(name, network)
        return ContainerNetwork(docker, name, network, own_container)
    except BaseException:
        remove_network(docker, network)
        raise


class ContainerNetwork:
    """The emulator runs in a container."""

    def __init__(self, docker: APIClient, name: str, network_id: str, own_container: str) -> None:
        self.name = name
        self._free = [str(address) for address in reversed(list(TASK_ADDRESSES.hosts()))]
        self._lock = threading.Lock()
        docker.connect_container_to_network(own_container, network_id, link_local_ips=[FARGATE_ADDRESS])

    def take_address(self) -> str | None:
        """See ``TaskNetwork``."""
        with self._lock:
            if not self._free:
                raise ResourceInitializationError(f"no address is left in {TASK_ADDRESSES}")
            return self._free.pop()

    def give_back_address(self, address: str | None) -> None:
        """See ``TaskNetwork``."""
        if address is not None:
            with self._lock:
                self._free.append(address)

    def listen(self) -> socket.socket:
        """See ``TaskNetwork``."""
        return _listen(None)


class MachineNetwork:
    """The emulator runs on the engine's machine."""

    def __init__(self, name: str, network_id: str) -> None:
        self.name = name
        self._bridge = f"br-{network_id[:12]}"  # the engine's own way of naming it
        try:
            add_address(self._bridge, FARGATE_ADDRESS)
        except OSError as error:
            raise ConfigurationError(
                f"FARGATE_LAUNCHER=docker: {self._bridge} cannot be given the address {FARGATE_ADDRESS}: {error}"
            ) from error

    def take_address(self) -> str | None:
        """See ``TaskNetwork``."""
        return None

    def give_back_address(self, address: str | None) -> None:
        """See ``TaskNetwork``."""

    def listen(self) -> socket.socket:
        """See ``TaskNetwork``."""
        return _listen(self._bridge)


def network_settings(network: str, address: str | None, mac_address: str | None) -> dict[str, Any]:
    """Docker's members that put a container on the bridge, with these addresses if they are given."""
    endpoint: dict[str, Any] = {"MacAddress": mac_address or ""}  # understood since version 1.44 of the API
    if address:
        endpoint["IPAMConfig"] = {"LinkLocalIPs": [address]}
    return {"MacAddress": mac_address or "", "NetworkingConfig": {"EndpointsConfig": {network: endpoint}}}


def _listen(interface: str | None) -> socket.socket:
    listening = socket.socket()
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if interface:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        listening.bind((FARGATE_ADDRESS, ENDPOINT_PORT))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise ConfigurationError(
            f"FARGATE_LAUNCHER=docker: cannot listen at {FARGATE_ADDRESS}:{ENDPOINT_PORT}, where tasks look for their "
            f"credentials: {error}"
        ) from error
    return listening
