"""ECS's errors, with the codes and the wording of AWS."""

from collections.abc import Sequence

from localstack.aws.api import ServiceException


class EcsException(ServiceException):
    """Base of the errors an ECS client can cause."""

    code = "ClientException"
    status_code = 400
    sender_fault = True


class ClientException(EcsException):
    """The request cannot be served: a task definition that is unknown or inactive, a resource in the wrong state."""

    code = "ClientException"


class InvalidParameterException(EcsException):
    """A parameter does not fit the API or the other parameters."""

    code = "InvalidParameterException"


class SerializationException(EcsException):
    """The request is not JSON, or not of the API's types."""

    code = "SerializationException"


class ClusterNotFoundException(EcsException):
    """The cluster does not exist, or was deleted."""

    code = "ClusterNotFoundException"

    def __init__(self, message: str = "Cluster not found.") -> None:
        super().__init__(message)


class ClusterContainsTasksException(EcsException):
    """A cluster with tasks cannot be deleted."""

    code = "ClusterContainsTasksException"

    def __init__(self) -> None:
        super().__init__("The Cluster cannot be deleted while Tasks are active.")


class ClusterContainsServicesException(EcsException):
    """A cluster with services cannot be deleted."""

    code = "ClusterContainsServicesException"

    def __init__(self) -> None:
        super().__init__("The Cluster cannot be deleted while Services are active.")


class ConflictException(EcsException):
    """A client token came back with other parameters; ``resourceIds`` are the tasks of its first use."""

    code = "ConflictException"

    def __init__(self, task_arns: Sequence[str]) -> None:
        super().__init__("The client token is already in use with a different RunTask request.")
        self.resourceIds = list(task_arns)  # the serializer looks for the API's own member name


class PlatformUnknownException(EcsException):
    """Fargate has no such platform version."""

    code = "PlatformUnknownException"

    def __init__(self) -> None:
        super().__init__("The specified platform version does not exist.")


class PlatformTaskDefinitionIncompatibilityException(EcsException):
    """The platform version cannot do what the task definition wants."""

    code = "PlatformTaskDefinitionIncompatibilityException"

    def __init__(self) -> None:
        super().__init__("One or more of the requested capabilities are not supported.")


class TaskNotFoundException(InvalidParameterException):
    """StopTask names a task that does not exist, or no longer."""

    def __init__(self) -> None:
        super().__init__("The referenced task was not found.")


class ThrottlingException(EcsException):
    """The account asks more often than it may; as all of AWS's services word it."""

    code = "ThrottlingException"

    def __init__(self) -> None:
        super().__init__("Rate exceeded")
