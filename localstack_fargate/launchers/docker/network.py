"""The bridge that an emulator's tasks are on, and the address 169.254.170.2 there.

That is where SDKs look for the credentials of a task's role, and they look nowhere else. Each emulator has a bridge of
its own, so any number of them can have that address side by side: as a link-local address, which the engine gives out
as it is told. Every task gets another one of 169.254.0.0/16, by which it finds its neighbour directly.

An emulator in a container has the address itself. For one on the machine it must not be the machine's, which would
answer for it on every bridge that it has: a container that does nothing has it, and the emulator listens in there.
"""

import contextlib
import ipaddress
import logging
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from ...configuration import ConfigurationError
from ..base import ResourceInitializationError
from .errors import explain
from .ownership import Ownership
from .pause import PauseImage

LOG = logging.getLogger(__name__)

FARGATE_ADDRESS = "169.254.170.2"
ENDPOINT_PORT = 80
BACKLOG = 128
TASK_ADDRESSES = ipaddress.ip_network("169.254.172.0/22")  # as on Fargate


class EndpointContainer:
    """A container that does nothing but have ``FARGATE_ADDRESS``, where an emulator on the machine listens."""

    def __init__(self, docker: APIClient, settings: dict[str, Any], name: str) -> None:
        self._docker = docker
        self._name = name
        self._id = docker.create_container_from_config(settings, name)["Id"]
        docker.start(self._id)
        self.process: int = docker.inspect_container(self._id)["State"]["Pid"]

    def check(self) -> None:
        """Raise ``ResourceInitializationError`` if it has ended: what listened in its network is lost with it."""
        try:
            process = self._docker.inspect_container(self._id)["State"]["Pid"]
        except NotFound:
            process = None
        if process != self.process:
            problem = f"container {self._name} has ended, in which tasks find the emulator: restart the emulator"
            LOG.error("No task can start: %s", problem)
            raise ResourceInitializationError(problem)


class TaskNetwork:
    """A bridge. ``gateway_address`` is the emulator's there, and ``listening`` listens at ``FARGATE_ADDRESS``.

    It does so in the network of ``endpoint``, unless that is None.
    """

    def __init__(
        self, name: str, gateway_address: str, listening: socket.socket, endpoint: EndpointContainer | None = None
    ) -> None:
        self._endpoint = endpoint
        self.name = name
        self.gateway_address = gateway_address
        self.listening = listening
        self._free = [str(address) for address in reversed(list(TASK_ADDRESSES.hosts()))]
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raise ``ResourceInitializationError`` if tasks would not find the emulator any more."""
        if self._endpoint is not None:
            self._endpoint.check()

    def take_address(self) -> str:
        """A link-local address for a task; raises ``ResourceInitializationError`` if there is no other."""
        with self._lock:
            if not self._free:
                raise ResourceInitializationError(f"no address is left in {TASK_ADDRESSES}")
            return self._free.pop()

    def give_back_address(self, address: str) -> None:
        """The task has ended."""
        with self._lock:
            self._free.append(address)


def open_network(docker: APIClient, ownership: Ownership, pause: PauseImage, own_container: str | None) -> TaskNetwork:
    """Make the emulator's bridge; raises ``ConfigurationError`` if tasks could not reach the emulator there."""
    if own_container is None and not (os.geteuid() == 0 and os.uname().sysname == "Linux"):
        raise ConfigurationError(
            "FARGATE_LAUNCHER=docker: tasks could not reach the emulator, which has to run in a container of this "
            "Docker engine or as root on its machine; FARGATE_LAUNCHER=process runs tasks without Docker"
        )
    name = f"fargate-{ownership.emulator}"
    try:
        network = _find_or_create(docker, ownership, name)
        if own_container is None:
            return _open_on_machine(docker, ownership, pause, name, network)
        docker.connect_container_to_network(own_container, network, link_local_ips=[FARGATE_ADDRESS])
        return TaskNetwork(name, FARGATE_ADDRESS, _listen(FARGATE_ADDRESS, ENDPOINT_PORT))
    except (APIError, OSError) as error:
        ownership.remove_everything(docker)
        reason = explain(error) if isinstance(error, APIError) else str(error)
        raise ConfigurationError(f"FARGATE_LAUNCHER=docker: no network can be made for tasks: {reason}") from error


def network_settings(network: str, address: str, mac_address: str | None) -> dict[str, Any]:
    """Docker's members that put a container on the bridge with these addresses."""
    endpoint = {"IPAMConfig": {"LinkLocalIPs": [address]}, "MacAddress": mac_address or ""}
    # Engines know the second member of that since version 1.44 of their API, and want to be told otherwise before.
    return {"MacAddress": mac_address or "", "NetworkingConfig": {"EndpointsConfig": {network: endpoint}}}


def _find_or_create(docker: APIClient, ownership: Ownership, name: str) -> str:
    """The bridge's id. An earlier one is there if the engine would not remove it, which can lose count of endpoints."""
    for network in docker.networks(filters={"label": [f"{key}={value}" for key, value in ownership.labels.items()]}):
        return str(network["Id"])
    return str(docker.create_network(name, driver="bridge", labels=ownership.labels, check_duplicate=True)["Id"])


def _open_on_machine(
    docker: APIClient, ownership: Ownership, pause: PauseImage, name: str, network: str
) -> TaskNetwork:
    gateway_address = docker.inspect_network(network)["IPAM"]["Config"][0]["Gateway"]
    _listen(gateway_address, 0).close()  # it has to be ours: the engine could be another machine's
    # A machine of ECS's own has the address, too, and a kernel answers ARP for any of its addresses on every interface:
    # tasks would find the machine instead of the container. So the bridge answers for addresses of its own only.
    with contextlib.suppress(OSError):
        Path(f"/proc/sys/net/ipv4/conf/br-{network[:12]}/arp_ignore").write_text("1")
    settings: dict[str, Any] = {
        "Image": pause.id(),
        "Labels": ownership.labels,
        "HostConfig": {"NetworkMode": name, "LogConfig": {"Type": "none"}},
        **network_settings(name, FARGATE_ADDRESS, None),
    }
    endpoint = EndpointContainer(docker, settings, f"{name}-endpoint")
    listening = _in_network_of(endpoint.process, lambda: _listen(FARGATE_ADDRESS, ENDPOINT_PORT))
    return TaskNetwork(name, gateway_address, listening, endpoint)


def _listen(address: str, port: int) -> socket.socket:
    listening = socket.socket()
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise OSError(f"cannot listen at {address}:{port}: {error.strerror}") from error
    return listening


def _in_network_of(process: int, make: Callable[[], socket.socket]) -> socket.socket:
    """Make a socket in a process's network namespace, where it stays; raises ``OSError``."""
    made: list[socket.socket | OSError] = []

    def enter_and_make() -> None:  # in a thread of its own, which ends: a namespace is a thread's, not a process's
        try:
            namespace = os.open(f"/proc/{process}/ns/net", os.O_RDONLY)
            try:
                os.setns(namespace, os.CLONE_NEWNET)
            finally:
                os.close(namespace)
            made.append(make())
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=enter_and_make)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]
