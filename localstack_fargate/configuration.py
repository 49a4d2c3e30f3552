"""What a user can set about the emulated Fargate, read from environment variables and checked once."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

LAUNCHER = "FARGATE_LAUNCHER"
MAX_TASKS = "FARGATE_MAX_TASKS"
PROCESS_IMAGES = "FARGATE_PROCESS_IMAGES"

LAUNCHERS = ("process",)


class ConfigurationError(ValueError):
    """An environment variable has a value that cannot work; the message names the variable."""


@dataclass(frozen=True)
class Configuration:
    """``launcher`` runs the containers, at most ``max_tasks`` tasks at a time.

    ``process_images`` maps an image to the command line that stands for it: the image's ENTRYPOINT.
    """

    launcher: str
    max_tasks: int
    process_images: Mapping[str, tuple[str, ...]]


def read_configuration(environment: Mapping[str, str] = os.environ) -> Configuration:
    """Read the configuration; raises ``ConfigurationError`` for a value that cannot work."""
    launcher = environment.get(LAUNCHER) or "process"
    if launcher not in LAUNCHERS:
        raise ConfigurationError(f"{LAUNCHER}={launcher}: no such launcher; there is {', '.join(LAUNCHERS)}")
    return Configuration(launcher, _max_tasks(environment), _process_images(environment))


def _max_tasks(environment: Mapping[str, str]) -> int:
    text = environment.get(MAX_TASKS)
    if not text:
        return os.process_cpu_count() or 1
    if not text.isdecimal() or int(text) < 1:
        raise ConfigurationError(f"{MAX_TASKS}={text}: must be a whole number of at least 1")
    return int(text)


def _process_images(environment: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    text = environment.get(PROCESS_IMAGES) or "{}"
    try:
        images = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{PROCESS_IMAGES} is not JSON: {error}") from error
    if not isinstance(images, dict):
        raise ConfigurationError(f"{PROCESS_IMAGES} must be a JSON object: image → list of strings")
    for image, command in images.items():
        if not command or not isinstance(command, list) or not all(isinstance(part, str) for part in command):
            raise ConfigurationError(f"{PROCESS_IMAGES}: {image!r} must be mapped to a list of strings")
    return {image: tuple(command) for image, command in images.items()}
