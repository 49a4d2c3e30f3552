"""Launchers: the ways to run a task's containers."""

from ..configuration import Configuration
from .base import Launcher
from .process import ProcessLauncher


def create_launcher(configuration: Configuration) -> Launcher:
    """The launcher that the configuration names."""
    return ProcessLauncher(configuration.process_images)
