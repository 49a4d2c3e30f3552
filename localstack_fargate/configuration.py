"""What a user can set about the emulated Fargate, read from environment variables and checked once."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

LAUNCHER = "FARGATE_LAUNCHER"
NAME = "FARGATE_NAME"
MAX_TASKS = "FARGATE_MAX_TASKS"
MAX_STARTS = "FARGATE_MAX_STARTS"
CPU_LIMIT = "FARGATE_CPU_LIMIT"
ENFORCE_IAM = "FARGATE_ENFORCE_IAM"
PROCESS_IMAGES = "FARGATE_PROCESS_IMAGES"
ECR_REGISTRY = "FARGATE_ECR_REGISTRY"

LAUNCHERS = ("docker", "process")
CPU_LIMITS = ("soft", "hard")
DEFAULT_MAX_STARTS = 4
DOCKER_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
REGISTRY_ADDRESS = re.compile(r"[a-zA-Z0-9.-]+:[0-9]{1,5}")


class ConfigurationError(ValueError):
    """An environment variable has a value that cannot work; the message names the variable."""


@dataclass(frozen=True)
class Configuration:
    """``launcher`` runs the containers, at most ``max_tasks`` tasks at a time: None lets the launcher be found.

    ``name`` is what the emulator calls its things in the Docker engine, of which it starts ``max_starts`` containers at
    a time; ``cpu_limit`` is one of ``CPU_LIMITS``. ``process_images`` maps an image to the command line that stands for
    it: the image's ENTRYPOINT. ``ecr_registry`` is the address, host:port, of the registry that has ECR's images.
    ``enforce_iam`` lets roles' sessions do only what their policies allow.
    """

    launcher: str | None = None
    name: str | None = None
    max_tasks: int | None = None
    max_starts: int = DEFAULT_MAX_STARTS
    cpu_limit: str = "soft"
    process_images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ecr_registry: str | None = None
    enforce_iam: bool = False


def read_configuration(environment: Mapping[str, str] = os.environ) -> Configuration:
    """Read the configuration; raises ``ConfigurationError`` for a value that cannot work."""
    launcher = environment.get(LAUNCHER) or None
    if launcher not in (None, *LAUNCHERS):
        raise ConfigurationError(f"{LAUNCHER}={launcher}: no such launcher; there is {' and '.join(LAUNCHERS)}")
    name = environment.get(NAME) or None
    if name and not DOCKER_NAME.fullmatch(name):
        raise ConfigurationError(f"{NAME}={name}: must be a name for Docker: letters, digits, and after them also _.-")
    cpu_limit = environment.get(CPU_LIMIT) or "soft"
    if cpu_limit not in CPU_LIMITS:
        raise ConfigurationError(f"{CPU_LIMIT}={cpu_limit}: must be {' or '.join(CPU_LIMITS)}")
    registry = environment.get(ECR_REGISTRY) or None
    if registry and not REGISTRY_ADDRESS.fullmatch(registry):
        raise ConfigurationError(f"{ECR_REGISTRY}={registry}: must be host:port of a registry, such as 127.0.0.1:5000")
    return Configuration(
        launcher,
        name,
        _number(environment, MAX_TASKS),
        _number(environment, MAX_STARTS) or DEFAULT_MAX_STARTS,
        cpu_limit,
        _process_images(environment),
        registry,
        _switch(environment, ENFORCE_IAM),
    )


def _number(environment: Mapping[str, str], variable: str) -> int | None:
    text = environment.get(variable)
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ConfigurationError(f"{variable}={text}: must be a whole number of at least 1")
    return int(text)


def _switch(environment: Mapping[str, str], variable: str) -> bool:
    text = environment.get(variable) or "0"
    if text not in ("0", "1"):
        raise ConfigurationError(f"{variable}={text}: must be 0 or 1")
    return text == "1"


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
