"""A container of a task, from its start to its removal."""

import dataclasses
import ipaddress
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from docker.errors import NotFound

from ..base import ContainerFacts, Exit, NetworkFacts, Output
from .command import run_command
from .engine import RequestFailed, attach
from .host import DockerHost
from .ownership import remove_container

LOG = logging.getLogger(__name__)

SIGKILLED = 137
SECONDS_UNTIL_REASON = 1.0
# ECS's words, whatever the exit code is: it goes by what the engine says as well.
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
RECONNECT_SECONDS = 0.5


class DockerContainer:
    """A container that was created. ``network_of`` is the container whose network it has: itself, or its task's."""

    def __init__(
        self, host: DockerHost, facts: ContainerFacts, network_of: str, stop_signal: str, terminal: bool
    ) -> None:
        self.id = facts.id
        self.started = False
        self.removed = threading.Event()
        self._host = host
        self._docker = host.docker
        self._network_of = network_of
        self._stop_signal = stop_signal
        self._terminal = terminal
        self._facts = facts
        self._out_of_memory = False
        self._killed = False
        self._on_exit: Callable[[Exit], None]
        self._output: Output

    def start(self, output: Output, on_exit: Callable[[Exit], None]) -> None:
        """Start it; raises ``docker.errors.APIError``."""
        self._output, self._on_exit = output, on_exit
        stream = attach(self._docker, self.id)
        try:
            self._docker.start(self.id)
        except BaseException:
            stream.close()
            raise
        self.started = True
        self._host.output.follow(stream, self._terminal, output, self._on_end_of_output)

    def stop(self) -> None:
        """See ``RunningContainer``: SIGTERM, or what its image wants instead."""
        self._signal(self._stop_signal)

    def kill(self) -> None:
        """See ``RunningContainer``: with its first process, the kernel kills all others."""
        self._signal("SIGKILL")

    def kill_for_memory(self) -> None:
        """Kill it because its task has no memory left, which is then the reason that it gives."""
        self._out_of_memory = True
        self.kill()

    def run(self, command: Sequence[str], timeout: float) -> int | None:
        """See ``RunningContainer``."""
        return run_command(self._host, self.id, command, timeout)

    def facts(self) -> ContainerFacts:
        """See ``RunningContainer``."""
        if self._facts.network is None:
            try:
                networks = self._docker.inspect_container(self._network_of)["NetworkSettings"]["Networks"]
            except RequestFailed:  # it has ended before anybody asked
                return self._facts
            network = _network_facts(networks.get(self._host.network.name) or {})
            self._facts = dataclasses.replace(self._facts, network=network)
        return self._facts

    def statistics(self) -> Mapping[str, Any] | None:
        """See ``RunningContainer``."""
        try:
            statistics: Mapping[str, Any] = self._docker.stats(self.id, stream=False, one_shot=True)
        except RequestFailed:
            return None
        return statistics if statistics.get("pids_stats") else None  # that of a container that has ended is empty

    def remove(self) -> None:
        """Remove it, running or not."""
        remove_container(self._docker, self.id)
        self.removed.set()

    def _signal(self, name: str) -> None:
        self._killed = self._killed or name == "SIGKILL"
        try:
            self._docker.kill(self.id, name)
        except RequestFailed as error:
            if not self.removed.is_set() and getattr(error, "status_code", None) not in (404, 409):  # it has ended
                LOG.warning("Container %s was not sent %s: %s", self.id, name, error)

    def _on_end_of_output(self) -> None:
        self._host.endings.submit(self._end)

    def _end(self) -> None:
        """The stream of the output has ended: because the container has, or because the engine was restarted."""
        while True:
            try:
                ending = self._find_ending()
            except Exception as error:  # whatever it is: one that runs must not be given up
                LOG.warning("Waiting for Docker to say how container %s is doing: %s", self.id, error)
                time.sleep(RECONNECT_SECONDS)
            else:
                break
        if ending is not None:
            self._on_exit(ending)
            self.remove()

    def _find_ending(self) -> Exit | None:
        """How the container has ended; None if it runs, and its output is followed again."""
        if (ending := self._inspect_ending()) is not None:
            return ending
        stream = attach(self._docker, self.id)
        try:
            ending = self._inspect_ending()  # the stream of one that had ended before would never end
        except BaseException:
            stream.close()
            raise
        if ending is not None:
            stream.close()
            return ending
        self._host.output.follow(stream, self._terminal, self._output, self._on_end_of_output)
        return None

    def _inspect_ending(self) -> Exit | None:
        """How the container has ended, None if it runs."""
        try:
            state = self._docker.inspect_container(self.id)["State"]
        except NotFound:
            return Exit(None, "DockerStateError: somebody else removed the container")
        if state["Running"]:
            return None
        if state["ExitCode"] == SIGKILLED and not (state["OOMKilled"] or self._killed):
            # The engine may hear of an end before it hears that the kernel did it for memory.
            time.sleep(SECONDS_UNTIL_REASON)
            state = self._docker.inspect_container(self.id)["State"]
        return Exit(state["ExitCode"], OUT_OF_MEMORY if state["OOMKilled"] or self._out_of_memory else None)


def _network_facts(endpoint: Mapping[str, Any]) -> NetworkFacts | None:
    address = endpoint.get("IPAddress")
    if not address:
        return None
    subnet = ipaddress.ip_network(f"{address}/{endpoint['IPPrefixLen']}", strict=False)
    return NetworkFacts(address, str(subnet), endpoint["Gateway"], endpoint["MacAddress"])
