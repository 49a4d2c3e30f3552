"""A registry of container images for the tests, and images small enough to push by hand."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from localstack_fargate.ecr.registry import DOCKER_MANIFEST
from localstack_fargate.tests.kit import free_port, poll

PROGRAM = "docker-registry"  # Debian's package of this name
CONFIGURATION = """
version: 0.1
log: {{level: warn}}
storage:
  filesystem: {{rootdirectory: {folder}}}
  delete: {{enabled: true}}
http: {{addr: {address}}}
"""


def registry_is_installed() -> bool:
    """Whether there can be a registry; with REQUIRE_ALL=1 it is a failure if not."""
    found = shutil.which(PROGRAM) is not None
    if not found and os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(f"{PROGRAM} is not installed, but REQUIRE_ALL=1 wants it; see scripts/setup-debian.sh")
    return found


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[str]:
    """A registry that keeps its images in a folder; returns its address, host:port."""
    address = f"127.0.0.1:{free_port()}"
    configuration = folder / "registry.yml"
    configuration.write_text(CONFIGURATION.format(folder=folder / "images", address=address))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "serve", str(configuration)], stdout=log, stderr=log)
    try:
        poll(lambda: process.poll() is not None or _answers(address), what="the registry")
        assert process.poll() is None, (folder / "registry.log").read_text()
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _answers(address: str) -> bool:
    try:
        return requests.get(f"http://{address}/v2/", timeout=2).ok
    except requests.ConnectionError:
        return False


def push(address: str, repository: str, tag: str, content: bytes) -> str:
    """Push an image of one layer, as Docker would; returns its digest."""
    base = f"http://{address}/v2/{repository}"
    parts = []
    for media_type, blob in (
        ("application/vnd.docker.container.image.v1+json", b"{}"),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", content),
    ):
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        place = requests.post(f"{base}/blobs/uploads/", timeout=10).headers["Location"]
        requests.put(place, params={"digest": digest}, data=blob, timeout=10).raise_for_status()
        parts.append({"mediaType": media_type, "size": len(blob), "digest": digest})
    manifest = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": parts[0], "layers": parts[1:]}
    headers = {"Content-Type": DOCKER_MANIFEST}
    answer = requests.put(f"{base}/manifests/{tag}", headers=headers, data=json.dumps(manifest), timeout=10)
    answer.raise_for_status()
    return answer.headers["Docker-Content-Digest"]
