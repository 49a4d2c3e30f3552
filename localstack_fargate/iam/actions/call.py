"""One call of an AWS API, and what its caller must be allowed for it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..patterns import Context

ANY = "*"
"""The resource of an action that knows none."""


@dataclass(frozen=True)
class Call:
    """A parsed request.

    Attributes:
        service: IAM's name for it, such as ``states``.
        parameters: By the names of the API.
        account: Of the caller, in which the named resources are.
    """

    service: str
    operation: str
    parameters: Mapping[str, Any]
    account: str
    region: str
    partition: str = "aws"

    def arn(self, resource: str, service: str | None = None) -> str:
        """An ARN of the account and region."""
        return f"arn:{self.partition}:{service or self.service}:{self.region}:{self.account}:{resource}"

    def named(self, parameter: str, kind: str, separator: str = "/") -> str:
        """The ARN that a parameter is, or the one of the resource it is the name of: ``kind/name``."""
        value = str(self.parameters.get(parameter) or "")
        return value if value.startswith("arn:") else self.arn(f"{kind}{separator}{value}")


@dataclass(frozen=True)
class Permission:
    """An action on a resource, with the condition keys (in lower case) that go with it."""

    action: str
    resource: str = ANY
    context: Context = field(default_factory=dict)


Mapper = Callable[[Call], Iterable[Permission]]
"""The permissions that a call needs, all of them."""


def texts(keys: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Condition keys and their values as policies compare them, without those that the request lacks."""
    return {key: (_text(value),) for key, value in keys.items() if value is not None}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
