"""ECR's errors that are ours, with the codes and the wording of AWS; moto has the others."""

from localstack.aws.api import ServiceException


class ImageNotFoundException(ServiceException):
    """The repository has no such image."""

    code = "ImageNotFoundException"
    status_code = 400
    sender_fault = True

    def __init__(self, tag: str | None, digest: str | None, repository: str, account_id: str) -> None:
        super().__init__(
            f"The image with imageId {{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}} does not exist "
            f"within the repository with name '{repository}' in the registry with id '{account_id}'"
        )


class RepositoryNotFoundException(ServiceException):
    """The account has no such repository."""

    code = "RepositoryNotFoundException"
    status_code = 400
    sender_fault = True

    def __init__(self, repository: str, account_id: str) -> None:
        super().__init__(
            f"The repository with name '{repository}' does not exist in the registry with id '{account_id}'"
        )


class RepositoryNotEmptyException(ServiceException):
    """A repository with images is deleted only by force."""

    code = "RepositoryNotEmptyException"
    status_code = 400
    sender_fault = True

    def __init__(self, repository: str, account_id: str) -> None:
        super().__init__(
            f"The repository with name '{repository}' in registry with id '{account_id}' cannot be deleted because it "
            "still contains images"
        )


class ServerException(ServiceException):
    """The registry does not answer, or refuses."""

    code = "ServerException"
    status_code = 500
