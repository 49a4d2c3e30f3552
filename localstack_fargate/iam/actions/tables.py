"""Services whose actions are called as their operations are, with a resource that one parameter names.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from collections.abc import Callable, Iterator, Mapping

from .call import ANY, Call, Permission, texts
from .pass_role import pass_role

Resource = Callable[[Call], str]


def _arn(*parameters: str) -> Resource:
    """The ARN that the first of these parameters is which the call has."""
    return lambda call: next((str(call.parameters[name]) for name in parameters if call.parameters.get(name)), ANY)


def _named(parameter: str, kind: str, separator: str = "/") -> Resource:
    return lambda call: call.named(parameter, kind, separator) if call.parameters.get(parameter) else ANY


def states(call: Call) -> Iterator[Permission]:
    """Step Functions."""
    if call.operation == "CreateStateMachine":
        resource = call.arn(f"stateMachine:{call.parameters.get('name')}")
    elif call.operation == "CreateActivity":
        resource = call.arn(f"activity:{call.parameters.get('name')}")
    else:
        resource = STATES(call)
    yield Permission(f"states:{call.operation}", resource)
    yield from pass_role(call, call.parameters.get("roleArn"), "states.amazonaws.com")


def lambda_(call: Call) -> Iterator[Permission]:
    """Lambda."""
    name = str(call.parameters.get("FunctionName") or "")
    if name.startswith("arn:"):
        resource = name
    elif name:
        *account, name = name.removeprefix("function:").split(":function:")
        owner = account[0] if account and account[0].isdecimal() else call.account
        resource = f"arn:{call.partition}:lambda:{call.region}:{owner}:function:{name}"
    else:
        resource = ANY
    if resource != ANY and (qualifier := call.parameters.get("Qualifier")):
        resource = f"{resource}:{qualifier}"
    yield Permission(f"lambda:{LAMBDA_ACTIONS.get(call.operation, call.operation)}", resource)
    yield from pass_role(call, call.parameters.get("Role"), "lambda.amazonaws.com")


def events(call: Call) -> Iterator[Permission]:
    """EventBridge, where each entry of PutEvents is looked at for itself."""
    if call.operation == "PutEvents":
        for entry in call.parameters.get("Entries") or ():
            bus = str(entry.get("EventBusName") or "default")
            context = texts({"events:source": entry.get("Source"), "events:detail-type": entry.get("DetailType")})
            yield Permission(
                "events:PutEvents", bus if bus.startswith("arn:") else call.arn(f"event-bus/{bus}"), context
            )
        return
    name = "Rule" if call.operation in ("PutTargets", "RemoveTargets", "ListTargetsByRule") else "Name"
    bus = str(call.parameters.get("EventBusName") or "default").rpartition("/")[2]
    if call.operation in RULE_OPERATIONS:
        rule = str(call.parameters.get(name))
        resource = call.arn(f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}")
    elif call.operation.endswith("EventBus"):
        resource = call.named("Name", "event-bus")
    else:
        resource = _arn("ResourceARN")(call)
    yield Permission(f"events:{call.operation}", resource)
    roles = {call.parameters.get("RoleArn"), *(each.get("RoleArn") for each in call.parameters.get("Targets") or ())}
    for role in sorted(filter(None, roles)):
        yield from pass_role(call, role, "events.amazonaws.com")


def logs(call: Call) -> Iterator[Permission]:
    """CloudWatch Logs, where an ARN of a group goes on to a stream, even of operations on the group."""
    group = call.parameters.get("logGroupName")
    identifier = call.parameters.get("logGroupIdentifier") or call.parameters.get("resourceArn")
    if identifier and str(identifier).startswith("arn:"):
        resource = str(identifier)
    elif group or identifier:
        stream = call.parameters.get("logStreamName") or ""
        resource = call.arn(f"log-group:{group or identifier}:log-stream:{stream}")
    else:
        resource = call.arn("log-group::log-stream:") if call.operation.startswith("Describe") else ANY
    yield Permission(f"logs:{call.operation}", resource)


def sts(call: Call) -> Iterator[Permission]:
    """STS: anybody may ask who they are. What a session is given besides its role needs a permission of its own."""
    if call.operation == "GetCallerIdentity":
        return
    context = texts(
        {
            "sts:externalid": call.parameters.get("ExternalId"),
            "sts:rolesessionname": call.parameters.get("RoleSessionName"),
            "sts:sourceidentity": call.parameters.get("SourceIdentity"),
        }
    )
    if transitive := call.parameters.get("TransitiveTagKeys"):
        context["sts:transitivetagkeys"] = tuple(transitive)
    given = [action for parameter, action in WITH_SESSION.items() if call.parameters.get(parameter)]
    for action in (call.operation, *given):
        yield Permission(f"sts:{action}", _arn("RoleArn")(call), context)


def iam(call: Call) -> Iterator[Permission]:
    """IAM itself."""
    context = texts({"iam:permissionsboundary": call.parameters.get("PermissionsBoundary")})
    for parameter, kind in (("RoleName", "role"), ("UserName", "user"), ("GroupName", "group")):
        if name := call.parameters.get(parameter):
            resource = f"arn:{call.partition}:iam::{call.account}:{kind}/{name}"
            break
    else:
        resource = _arn("PolicyArn")(call)
    if policy := call.parameters.get("PolicyArn"):
        context |= texts({"iam:policyarn": policy})
    yield Permission(f"iam:{call.operation}", resource, context)


def cloudwatch(call: Call) -> Iterator[Permission]:
    """CloudWatch's metrics and alarms."""
    context = texts({"cloudwatch:namespace": call.parameters.get("Namespace")})
    yield Permission(f"cloudwatch:{call.operation}", _named("AlarmName", "alarm", ":")(call), context)


def ssm(call: Call) -> Iterator[Permission]:
    """Parameter Store, where a name may begin with a slash, and end with a version or label."""
    names = [call.parameters.get("Name") or call.parameters.get("Path"), *(call.parameters.get("Names") or ())]
    for name in filter(None, names):
        resource = name if name.startswith("arn:") else call.arn(f"parameter/{name.partition(':')[0].strip('/')}")
        yield Permission(f"ssm:{call.operation}", resource)
    if not any(names):
        yield Permission(f"ssm:{call.operation}")


def by_table(call: Call) -> Iterator[Permission]:
    """Any other service: its operation's name, on the resource that TABLE finds, else on ``*``."""
    find = TABLE.get(call.service)
    yield Permission(f"{call.service}:{call.operation}", find(call) if find else ANY)


STATES = _arn("stateMachineArn", "executionArn", "activityArn", "mapRunArn", "resourceArn", "stateMachineAliasArn")
WITH_SESSION: Mapping[str, str] = {"Tags": "TagSession", "SourceIdentity": "SetSourceIdentity"}
LAMBDA_ACTIONS = {"Invoke": "InvokeFunction", "InvokeWithResponseStream": "InvokeFunction"}
RULE_OPERATIONS = frozenset(
    {
        "DeleteRule", "DescribeRule", "DisableRule", "EnableRule", "ListTargetsByRule", "PutRule", "PutTargets",
        "RemoveTargets",
    }
)  # fmt: skip
TABLE: Mapping[str, Resource] = {
    "ecr": _named("repositoryName", "repository"),
    "secretsmanager": _named("SecretId", "secret", ":"),
    "dynamodb": _named("TableName", "table"),
    "kinesis": _named("StreamName", "stream"),
}
