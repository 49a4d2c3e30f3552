"""KMS. Whatever name a call has for a key, a policy means the key itself, by its ARN.

https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html
"""

from collections.abc import Iterator

from localstack.services.kms.models import kms_stores

from .call import ANY, Call, Permission

ALIAS = "alias/"


def permissions(call: Call) -> Iterator[Permission]:
    """What the call needs: of the key; of an alias that it makes, moves or deletes, and the keys before and after."""
    given = [call.parameters.get(name) for name in ("KeyId", "TargetKeyId")]
    names = [str(name) for name in given if name]
    resources = [key_arn(call, name) for name in names]
    if alias := call.parameters.get("AliasName"):
        resources = list(dict.fromkeys([call.arn(alias), key_arn(call, alias), *resources]))
    context: dict[str, tuple[str, ...]] = {"kms:calleraccount": (call.account,)}
    if asked := [ALIAS + name.partition(ALIAS)[2] for name in names if ALIAS in name]:
        context["kms:requestalias"] = tuple(asked)
    for resource in resources or [ANY]:
        yield Permission(f"kms:{call.operation}", resource, context)


def key_arn(call: Call, name: str) -> str:
    """The ARN of a key that is given by its ARN or id, or by an alias or an alias's ARN.

    For an alias that nobody has made it is the alias's own.
    """
    if ALIAS not in name:
        return name if name.startswith("arn:") else call.arn(f"key/{name}", "kms")
    arn = name if name.startswith("arn:") else call.arn(name, "kms")
    _, _, _, region, account, alias = arn.split(":", 5)
    found = kms_stores[account][region].aliases.get(alias)
    if found is None:
        return arn
    key = str(found.metadata["TargetKeyId"])
    return key if key.startswith("arn:") else f"{arn.removesuffix(alias)}key/{key}"
