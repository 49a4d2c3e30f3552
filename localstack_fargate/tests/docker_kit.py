"""The Docker engine that the tests use, and the two images that tasks are made from there."""

import io
import os
import tarfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from docker import APIClient
from docker.errors import DockerException

from localstack_fargate.launchers.docker.engine import connect
from localstack_fargate.tests.kit import PYTHON_IMAGE, SHELL_IMAGE

BASE_IMAGE = "debian:trixie-slim"
BOTO3 = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")  # pure Python, all of it

SHELL = f"""
FROM {BASE_IMAGE}
ENTRYPOINT ["sh", "-c"]
"""
PYTHON = f"""
FROM {BASE_IMAGE}
RUN apt-get update && apt-get install --yes --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
COPY packages /usr/lib/python3/dist-packages
ENTRYPOINT ["python3", "-c"]
"""


@cache
def engine_with_images() -> APIClient:
    """The engine, with the tests' images; skips the test if no engine answers, unless REQUIRE_ALL=1."""
    try:
        docker = connect()
    except DockerException as error:
        if os.environ.get("REQUIRE_ALL") == "1":
            raise
        pytest.skip(f"no Docker engine answers: {error}")
    _build(docker, SHELL_IMAGE, SHELL)
    _build(docker, PYTHON_IMAGE, PYTHON, *BOTO3)
    return docker


def _build(docker: APIClient, image: str, dockerfile: str, *packages: str) -> None:
    """Build an image from a Dockerfile and Python packages that are installed here."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(dockerfile.encode())
        tar.addfile(member, io.BytesIO(dockerfile.encode()))
        for package in packages:
            source = find_source(package)
            tar.add(source, f"packages/{source.name}", filter=_without_caches)
    context.seek(0)
    for progress in docker.build(fileobj=context, custom_context=True, tag=image, rm=True, decode=True):
        if "error" in progress:
            pytest.fail(f"{image} could not be built: {progress['error']}")


def find_source(package: str) -> Path:
    """The folder of an installed package, or the file of a module."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    origin = Path(spec.origin)
    return origin.parent if spec.submodule_search_locations else origin


def _without_caches(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    member.mtime = 0  # so that the engine finds the layer in its cache
    return None if "__pycache__" in member.name else member
