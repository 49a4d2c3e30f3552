"""The ECR API, whose images are those of a real registry."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from localstack_fargate.tests.kit import random_name
from localstack_fargate.tests.registry_kit import push


@pytest.fixture
def ecr(client: Callable[[str], Any], ecr_registry: str) -> Any:  # noqa: ARG001 - which the emulator was started with
    return client("ecr")


@pytest.fixture
def repository(ecr: Any) -> Iterator[str]:
    name = f"team/{random_name()}"
    ecr.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE")
    yield name
    try:
        ecr.delete_repository(repositoryName=name, force=True)
    except ecr.exceptions.RepositoryNotFoundException:
        return


def test_a_repository_lies_in_the_registry(ecr: Any, repository: str, ecr_registry: str) -> None:
    [found] = ecr.describe_repositories(repositoryNames=[repository])["repositories"]
    assert found["repositoryUri"] == f"{ecr_registry}/{repository}"
    assert found["imageTagMutability"] == "IMMUTABLE"
    assert ecr.list_images(repositoryName=repository)["imageIds"] == []
    assert ecr.describe_images(repositoryName=repository)["imageDetails"] == []


def test_what_is_pushed_is_described(ecr: Any, repository: str, ecr_registry: str) -> None:
    digest = push(ecr_registry, repository, "1", b"x" * 1000)
    [image] = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": "1"}])["imageDetails"]
    assert image["imageDigest"] == digest
    assert image["imageTags"] == ["1"]
    assert image["imageSizeInBytes"] == 1002  # the layer, and {}
    assert ecr.list_images(repositoryName=repository)["imageIds"] == [{"imageDigest": digest, "imageTag": "1"}]
    answer = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "1"}, {"imageTag": "2"}])
    assert json.loads(answer["images"][0]["imageManifest"])["layers"][0]["size"] == 1000
    [failure] = answer["failures"]
    assert (failure["imageId"], failure["failureCode"]) == ({"imageTag": "2"}, "ImageNotFound")


def test_a_tag_is_deleted_alone_and_a_digest_with_all_its_tags(ecr: Any, repository: str, ecr_registry: str) -> None:
    digest = push(ecr_registry, repository, "old", b"same")
    assert push(ecr_registry, repository, "new", b"same") == digest
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "old"}])
    assert ecr.list_images(repositoryName=repository)["imageIds"] == [{"imageDigest": digest, "imageTag": "new"}]
    deleted = ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    assert deleted["imageIds"] == [{"imageDigest": digest, "imageTag": "new"}]
    assert ecr.list_images(repositoryName=repository)["imageIds"] == []
    [failure] = ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "new"}])["failures"]
    assert failure["failureCode"] == "ImageNotFound"


@pytest.mark.parametrize("operation", ["describe_images", "list_images", "batch_get_image", "batch_delete_image"])
def test_a_repository_that_is_not_there(operation: str, ecr: Any) -> None:
    ids = {"imageIds": [{"imageTag": "1"}]} if operation != "list_images" else {}
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException, match="does not exist in the registry with id '0"):
        getattr(ecr, operation)(repositoryName="nobody/s", **ids)


def test_an_image_that_is_not_there(ecr: Any, repository: str, ecr_registry: str) -> None:
    push(ecr_registry, repository, "1", b"x")
    for image_id in ({"imageTag": "2"}, {"imageDigest": f"sha256:{'0' * 64}"}):
        with pytest.raises(ecr.exceptions.ImageNotFoundException):
            ecr.describe_images(repositoryName=repository, imageIds=[image_id])


def test_a_repository_with_images_is_deleted_by_force_only(ecr: Any, repository: str, ecr_registry: str) -> None:
    push(ecr_registry, repository, "1", b"x")
    with pytest.raises(ecr.exceptions.RepositoryNotEmptyException):
        ecr.delete_repository(repositoryName=repository)
    ecr.delete_repository(repositoryName=repository, force=True)
    assert requests.get(f"http://{ecr_registry}/v2/{repository}/manifests/1", timeout=5).status_code == 404
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_repositories(repositoryNames=[repository])


def test_the_token_is_for_dockers_log_in(ecr: Any, ecr_registry: str) -> None:
    [data] = ecr.get_authorization_token()["authorizationData"]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    assert user == "AWS"
    assert password
    assert data["proxyEndpoint"] == f"http://{ecr_registry}"
    assert data["expiresAt"] - datetime.now(UTC) > timedelta(hours=11)


def test_an_image_comes_by_the_registry_only(ecr: Any, repository: str, ecr_registry: str) -> None:
    with pytest.raises(ClientError, match=f"push to {ecr_registry}"):
        ecr.put_image(repositoryName=repository, imageManifest="{}", imageTag="1")
