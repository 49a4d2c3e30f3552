"""The images of a real registry, by its HTTP API.

https://distribution.github.io/distribution/spec/api/
"""

import json
from dataclasses import dataclass
from typing import Any

import requests

from ..configuration import ECR_REGISTRY
from .exceptions import ServerException

TIMEOUT_SECONDS = 30
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MANIFESTS = (
    DOCKER_MANIFEST,
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)


@dataclass(frozen=True)
class Manifest:
    """What an image is made of."""

    digest: str
    media_type: str
    content: str

    @property
    def size(self) -> int | None:
        """Bytes of all layers as they are stored; None for an index of several images."""
        parsed: dict[str, Any] = json.loads(self.content)
        if "layers" not in parsed:
            return None
        return sum(int(part["size"]) for part in (parsed["config"], *parsed["layers"]))

    @property
    def artifact_type(self) -> str | None:
        """What kind of thing it is: the media type of its configuration."""
        media_type: str | None = json.loads(self.content).get("config", {}).get("mediaType")
        return media_type


class Registry:
    """The registry at ``address`` (host:port), asked over HTTP and without credentials."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.url = f"http://{address}"
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy knows the way to this machine's own ports

    def tags(self, repository: str) -> list[str]:
        """Names of the images of a repository, in their order; none of one that nobody has pushed to."""
        tags: list[str] = []
        path = f"/v2/{repository}/tags/list"
        while path:
            answer = self._ask("GET", path)
            if answer is None:
                break
            tags += answer.json().get("tags") or []
            path = answer.links.get("next", {}).get("url", "")
        return sorted(tags)

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """The manifest of a tag or digest, None if there is none."""
        answer = self._ask("GET", f"/v2/{repository}/manifests/{reference}", {"Accept": ", ".join(MANIFESTS)})
        if answer is None:
            return None
        return Manifest(answer.headers["Docker-Content-Digest"], answer.headers["Content-Type"], answer.text)

    def delete(self, repository: str, manifest: Manifest) -> None:
        """Delete an image with all its tags."""
        self._ask("DELETE", f"/v2/{repository}/manifests/{manifest.digest}")

    def tag(self, repository: str, manifest: Manifest, tag: str) -> None:
        """Give an image a tag, whose layers are there."""
        headers = {"Content-Type": manifest.media_type}
        self._ask("PUT", f"/v2/{repository}/manifests/{tag}", headers, manifest.content.encode())

    def _ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> requests.Response | None:
        """The registry's answer, None if it does not know what is asked for."""
        try:
            answer = self._session.request(method, self.url + path, headers=headers, data=body, timeout=TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise ServerException(f"{ECR_REGISTRY}={self.address}: no registry answers: {error}") from error
        if answer.status_code == requests.codes.not_found:
            return None
        if answer.status_code == requests.codes.method_not_allowed:
            raise ServerException(f"{ECR_REGISTRY}={self.address}: the registry lets nobody delete images")
        if not answer.ok:
            raise ServerException(f"{ECR_REGISTRY}={self.address}: {method} {path}: {answer.status_code} {answer.text}")
        return answer
