"""docker-compose.yml as a test brings it up: in a project of its own, on a port of its own."""

import contextlib
import os
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import ImageNotFound
from testcontainers.compose import DockerCompose

ROOT = Path(__file__).resolve().parent.parent
LOG_TAIL_LINES = 40


class Project:
    """One project of docker-compose.yml; ``settings`` are those of .env.example."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.name = f"e2e-{uuid.uuid4().hex[:8]}"
        self.port = _free_port()
        file = folder / f"{self.name}.env"
        lines = {"COMPOSE_PROJECT_NAME": self.name, "LOCALSTACK_PORT": str(self.port), **settings}
        file.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        self._compose = DockerCompose(ROOT, env_file=str(file))

    def configuration(self) -> dict[str, Any]:
        """The file with its settings filled in."""
        configuration: dict[str, Any] = self._compose.get_config()
        return configuration

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run ``docker compose COMMAND`` for this project."""
        return subprocess.run(
            [*self._compose.compose_command_property, *command], cwd=ROOT, capture_output=True, text=True, check=False
        )

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """``docker compose up --wait``; nothing is left of the project afterwards, not even its images."""
        try:
            try:
                self._compose.start()
            except subprocess.CalledProcessError as error:
                tail = "\n".join(self.run("logs").stdout.splitlines()[-LOG_TAIL_LINES:])
                pytest.fail(f"docker compose up --wait failed:\n{error.stderr.decode()}\nThe end of its logs:\n{tail}")
            yield
        finally:
            self._compose.stop()
            self.remove_images()

    def remove_images(self) -> None:
        """Remove what was built for this project."""
        engine = docker.from_env()
        for service in self.configuration()["services"].values():
            with contextlib.suppress(ImageNotFound):
                engine.images.remove(service["image"])

    def client_environment(self) -> dict[str, str]:
        """What an AWS SDK or command line needs to talk to the account."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", "us-east-1"),
            "NO_PROXY": "127.0.0.1,localhost",
        }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
