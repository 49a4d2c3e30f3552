"""Launchers: the ways to run a task's containers."""

from localstack import config

from ..configuration import Configuration
from .base import Launcher
from .process import ProcessLauncher


def create_launcher(configuration: Configuration) -> Launcher:
    """The launcher that the configuration names."""
    gateway_url = f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}"
    return ProcessLauncher(configuration.process_images, configuration.max_tasks, gateway_url)
