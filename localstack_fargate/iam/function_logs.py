"""How LocalStack writes the logs of functions: it creates the group, too, of which it often knows only so that it is.

Lambda does not need ``logs:CreateLogGroup`` for a group that there is. What LocalStack asks is then of no effect.
"""

from localstack.services.logs.models import get_moto_logs_backend

from .actions import Call


def creates_existing_group(call: Call) -> bool:
    """Whether the call creates a log group that exists, which is answered by an error."""
    if call.service != "logs" or call.operation != "CreateLogGroup":
        return False
    return call.parameters.get("logGroupName") in get_moto_logs_backend(call.account, call.region).groups
