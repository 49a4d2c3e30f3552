"""The operations of the ECR API that have to do with images. moto answers the others, see ``service.py``.

Without a registry these are moto's, too: its images are what PutImage is told, and nobody can push or pull.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.services.moto import call_moto
from localstack.services.plugins import ServiceLifecycleHook
from moto.ecr.models import ecr_backends

from .exceptions import (
    ImageNotFoundException,
    RepositoryNotEmptyException,
    RepositoryNotFoundException,
    ServerException,
)
from .registry import Manifest, Registry

TOKEN_LIFETIME = timedelta(hours=12)
ImageId = Mapping[str, str]


class EcrProvider(ServiceLifecycleHook):
    """ECR whose images are those of a registry."""

    service = "ecr"

    def __init__(self, registry: Registry | None) -> None:
        self._configured = registry

    @handler("CreateRepository", expand=False)
    def create_repository(self, context: RequestContext, _request: dict[str, Any]) -> dict[str, Any]:
        """moto's repository, which is pushed to in the registry."""
        answer: dict[str, Any] = call_moto(context)
        if self._configured:
            name = answer["repository"]["repositoryName"]
            uri = f"{self._configured.address}/{name}"
            answer["repository"]["repositoryUri"] = _backend(context).repositories[name].uri = uri
        return answer

    @handler("DeleteRepository", expand=False)
    def delete_repository(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a repository: with its images only by force."""
        registry, name = self._repository(context, request)
        if not request.get("force") and registry.tags(name):
            raise RepositoryNotEmptyException(name, context.account_id)
        for manifest in _images(registry, name):
            registry.delete(name, manifest)
        answer: dict[str, Any] = call_moto(context)
        return answer

    @handler("GetAuthorizationToken", expand=False)
    def get_authorization_token(self, context: RequestContext, _request: dict[str, Any]) -> dict[str, Any]:
        """A token for the registry, which takes any."""
        return {
            "authorizationData": [
                {
                    "authorizationToken": base64.b64encode(f"AWS:{context.account_id}".encode()).decode(),
                    "expiresAt": datetime.now(UTC) + TOKEN_LIFETIME,
                    "proxyEndpoint": self._registry().url,
                }
            ]
        }

    @handler("ListImages", expand=False)
    def list_images(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Digest and tag of each tagged image; a registry tells nobody of those without a tag."""
        registry, name = self._repository(context, request)
        if (request.get("filter") or {}).get("tagStatus") == "UNTAGGED":
            return {"imageIds": []}
        images = _images(registry, name).items()
        return {"imageIds": [_image_id(manifest, tag) for manifest, tags in images for tag in tags]}

    @handler("DescribeImages", expand=False)
    def describe_images(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Digest, tags and size of images, by default of all; when they were pushed, a registry does not say."""
        registry, name = self._repository(context, request)
        found = _images(registry, name)
        chosen: dict[Manifest, list[str]] = {}
        for image_id in request.get("imageIds") or ():
            manifest = _find(registry, name, image_id)
            if manifest is None:
                tag, digest = image_id.get("imageTag"), image_id.get("imageDigest")
                raise ImageNotFoundException(tag, digest, name, context.account_id)
            chosen[manifest] = found.get(manifest, [])
        images = chosen if request.get("imageIds") else found
        return {"imageDetails": [_detail(context, name, manifest, tags) for manifest, tags in images.items()]}

    @handler("BatchGetImage", expand=False)
    def batch_get_image(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Manifests of images."""
        registry, name = self._repository(context, request)
        images, failures = [], []
        for image_id in request["imageIds"]:
            manifest = _find(registry, name, image_id)
            if manifest is None:
                failures.append(_not_found(image_id))
                continue
            images.append(
                {
                    "registryId": context.account_id,
                    "repositoryName": name,
                    "imageId": _image_id(manifest, image_id.get("imageTag")),
                    "imageManifest": manifest.content,
                    "imageManifestMediaType": manifest.media_type,
                }
            )
        return {"images": images, "failures": failures}

    @handler("BatchDeleteImage", expand=False)
    def batch_delete_image(self, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        """Delete images: by a tag only this tag, as long as the image has another; by digest all of it."""
        registry, name = self._repository(context, request)
        deleted, failures = [], []
        for image_id in request["imageIds"]:
            manifest = _find(registry, name, image_id)
            if manifest is None:
                failures.append(_not_found(image_id))
                continue
            tags = _images(registry, name).get(manifest, [])
            gone = tags if "imageDigest" in image_id else [image_id["imageTag"]]
            registry.delete(name, manifest)
            for tag in set(tags).difference(gone):  # a registry deletes all tags of an image at once
                registry.tag(name, manifest, tag)
            deleted += [_image_id(manifest, tag) for tag in gone or [None]]
        return {"imageIds": deleted, "failures": failures}

    @handler("PutImage", expand=False)
    def put_image(self, _context: RequestContext, _request: dict[str, Any]) -> dict[str, Any]:
        """Refused: moto would keep what the registry does not have."""
        raise ServerException(f"PutImage is not emulated: push to {self._registry().address}")

    def _registry(self) -> Registry:
        if self._configured is None:
            raise NotImplementedError  # which hands the request on to moto
        return self._configured

    def _repository(self, context: RequestContext, request: dict[str, Any]) -> tuple[Registry, str]:
        """The registry, and the name in it of the repository that the request is about."""
        registry, name = self._registry(), str(request["repositoryName"])
        if name not in _backend(context).repositories:
            raise RepositoryNotFoundException(name, context.account_id)
        return registry, name


def _backend(context: RequestContext) -> Any:
    return ecr_backends[context.account_id][context.region]


def _images(registry: Registry, repository: str) -> dict[Manifest, list[str]]:
    """All tagged images with their tags."""
    images: dict[Manifest, list[str]] = {}
    for tag, manifest in _tagged(registry, repository):
        images.setdefault(manifest, []).append(tag)
    return images


def _tagged(registry: Registry, repository: str) -> Iterator[tuple[str, Manifest]]:
    for tag in registry.tags(repository):
        manifest = registry.manifest(repository, tag)
        if manifest is not None:  # a registry goes on listing the tags of an image that was deleted
            yield tag, manifest


def _find(registry: Registry, repository: str, image_id: ImageId) -> Manifest | None:
    """The image that has this tag, this digest, or both."""
    digest = image_id.get("imageDigest")
    manifest = registry.manifest(repository, image_id.get("imageTag") or digest or "")
    return None if manifest is None or digest not in (None, manifest.digest) else manifest


def _image_id(manifest: Manifest, tag: str | None) -> dict[str, str]:
    return {"imageDigest": manifest.digest, **({"imageTag": tag} if tag else {})}


def _detail(context: RequestContext, repository: str, manifest: Manifest, tags: Sequence[str]) -> dict[str, Any]:
    """The API's ImageDetail."""
    detail = {
        "registryId": context.account_id,
        "repositoryName": repository,
        "imageDigest": manifest.digest,
        "imageTags": list(tags) or None,
        "imageSizeInBytes": manifest.size,
        "imageManifestMediaType": manifest.media_type,
        "artifactMediaType": manifest.artifact_type,
    }
    return {name: value for name, value in detail.items() if value is not None}


def _not_found(image_id: ImageId) -> dict[str, Any]:
    """The API's ImageFailure."""
    return {
        "imageId": dict(image_id),
        "failureCode": "ImageNotFound",
        "failureReason": "Requested image not found",
    }
