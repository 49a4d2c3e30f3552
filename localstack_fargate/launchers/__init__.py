"""Launchers: the ways to run a task's containers."""

import hashlib
import os
import threading

from localstack import config

from ..configuration import Configuration
from .base import Launcher

_lock = threading.Lock()
_launchers: list[Launcher] = []  # there is one at most: the emulator's


def create_launcher(configuration: Configuration) -> Launcher:
    """The emulator's launcher, which is made at the first call: the one that the configuration names.

    Without a name it is Docker's if there is an engine. Raises ``ConfigurationError`` if it could not run a task.
    """
    with _lock:
        if not _launchers:
            _launchers.append(_docker(configuration) if _wants_docker(configuration) else _process(configuration))
        return _launchers[0]


def close_launcher() -> None:
    """Remove what the launcher has made, if there is one."""
    with _lock:
        for launcher in _launchers:
            launcher.close()


# Each launcher is imported only if it is the one: the other's libraries need not be there, or be paid for.


def _wants_docker(configuration: Configuration) -> bool:
    if configuration.launcher is not None:
        return configuration.launcher == "docker"
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
