"""``iam:PassRole``: whoever gives a service a role to act as must be allowed to.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from collections.abc import Iterator

from .call import Call, Permission


def pass_role(call: Call, role: str | None, service: str) -> Iterator[Permission]:
    """What passing the role, by ARN or by name, to ``service`` needs; nothing if there is no role."""
    if role:
        arn = role if role.startswith("arn:") else f"arn:{call.partition}:iam::{call.account}:role/{role}"
        yield Permission("iam:PassRole", arn, {"iam:passedtoservice": (service,)})
