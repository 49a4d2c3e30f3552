"""Names and ARNs of clusters and task definitions."""

import re

from ..exceptions import InvalidParameterException

ARN = re.compile(r"arn:[\w-]+:ecs:(?P<region>[\w-]+):(?P<account>\d*):[a-z-]+/(?P<name>[\w-]+(:\w+)?)")


def resource_name(account_id: str, region: str, name_or_arn: str) -> str | None:
    """The name that an ARN ends with, or the name itself; None for a resource of another region.

    Raises ``InvalidParameterException`` for an ARN of another account, or for what only begins like an ARN.
    """
    if not name_or_arn.startswith("arn:"):
        return name_or_arn
    arn = ARN.fullmatch(name_or_arn)
    if arn is None:
        raise InvalidParameterException("Invalid identifier: Unexpected number of separators")
    if arn["account"] != account_id:
        raise InvalidParameterException("AccountIDs mismatch")
    return arn["name"] if arn["region"] == region else None
