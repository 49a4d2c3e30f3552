"""Launchers: the ways to run a task's containers."""

import hashlib
import logging
import os
import threading

from localstack import config

from ..configuration import Configuration, ConfigurationError
from .base import Launcher

LOG = logging.getLogger(__name__)

_lock = threading.Lock()
_launchers: list[Launcher] = []  # there is one at most: the emulator's


def create_launcher(configuration: Configuration) -> Launcher:
    """The emulator's launcher, which is made at the first call: the one that the configuration names.

    Without a name it is Docker's if there is an engine that could run a task. Raises ``ConfigurationError`` if the one
    that is named could not.
    """
    with _lock:
        if not _launchers:
            _launchers.append(_create(configuration))
        return _launchers[0]


def close_launcher() -> None:
    """Remove what the launcher has made, if there is one."""
    with _lock:
        for launcher in _launchers:
            launcher.close()


# Each launcher is imported only if it is the one: the other's libraries need not be there, or be paid for.


def _create(configuration: Configuration) -> Launcher:
    if configuration.launcher == "docker":
        return _docker(configuration)
    if configuration.launcher is None and _docker_answers():
        try:
            return _docker(configuration)
        except ConfigurationError as error:
            LOG.warning("Tasks run as processes, although there is a Docker engine: %s", error)
    return _process(configuration)


def _docker_answers() -> bool:
    from .docker.engine import answers

    return answers()


def _docker(configuration: Configuration) -> Launcher:
    from .docker.launcher import DockerLauncher

    port = config.GATEWAY_LISTEN[0].port
    state = hashlib.sha256(str(config.dirs.data).encode()).hexdigest()
    launcher = DockerLauncher(configuration, f"{port}-{state[:8]}", port)
    # Wherever else the user wants the gateway: tasks come here. An address that is covered is left out by itself.
    config.GATEWAY_LISTEN.append(config.HostAndPort(launcher.gateway_address, port))
    return launcher


def _process(configuration: Configuration) -> Launcher:
    from .process import ProcessLauncher

    gateway_url = f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}"
    return ProcessLauncher(
        configuration.process_images, configuration.max_tasks or os.process_cpu_count() or 1, gateway_url
    )
