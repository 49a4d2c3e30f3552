"""ECS. A call that starts tasks, or says what tasks shall be, also passes their roles on.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
"""

from collections.abc import Callable, Iterator, Mapping

from ...ecs.definitions import TaskDefinition, find_task_definition
from ...ecs.exceptions import EcsException
from .call import ANY, Call, Permission
from .pass_role import pass_role

TASKS_SERVICE = "ecs-tasks.amazonaws.com"
STARTING = ("RunTask", "StartTask")


def _cluster(call: Call) -> str:
    return call.named("cluster", "cluster") if call.parameters.get("cluster") else call.arn("cluster/default")


def _of_cluster(call: Call, kind: str, name: str) -> str:
    """The ARN of a task or a service, which has the name of its cluster."""
    return name if name.startswith("arn:") else call.arn(f"{kind}/{_cluster(call).rpartition('/')[2]}/{name}")


def _tasks(call: Call) -> list[str]:
    return [_of_cluster(call, "task", str(task)) for task in call.parameters.get("tasks") or ()]


def _definition(call: Call) -> TaskDefinition | None:
    """The revision that is meant; None if there is none, which the operation will say."""
    try:
        return find_task_definition(call.account, call.region, str(call.parameters.get("taskDefinition") or ""))
    except EcsException:
        return None


def _revision(call: Call) -> list[str]:
    definition = _definition(call)
    return [definition.arn if definition else call.named("taskDefinition", "task-definition")]


# Operation → its resources. All others' is the cluster if they name one, else *.
RESOURCES: Mapping[str, Callable[[Call], list[str]]] = {
    "CreateCluster": lambda call: [call.named("clusterName", "cluster")],
    "CreateService": lambda call: [_of_cluster(call, "service", str(call.parameters.get("serviceName")))],
    "DeleteService": lambda call: [_of_cluster(call, "service", str(call.parameters.get("service")))],
    "DeregisterTaskDefinition": lambda _call: [ANY],
    "DescribeClusters": lambda call: [
        name if name.startswith("arn:") else call.arn(f"cluster/{name}")
        for name in call.parameters.get("clusters") or ["default"]
    ],
    "DescribeTaskDefinition": lambda _call: [ANY],
    "DescribeTasks": _tasks,
    "ListTasks": lambda _call: [ANY],
    "ListTagsForResource": lambda call: [str(call.parameters.get("resourceArn"))],
    "RegisterTaskDefinition": lambda call: [call.arn(f"task-definition/{call.parameters.get('family')}:*")],
    "RunTask": _revision,
    "StartTask": _revision,
    "StopTask": lambda call: [_of_cluster(call, "task", str(call.parameters.get("task")))],
    "TagResource": lambda call: [str(call.parameters.get("resourceArn"))],
    "UntagResource": lambda call: [str(call.parameters.get("resourceArn"))],
    "UpdateService": lambda call: [_of_cluster(call, "service", str(call.parameters.get("service")))],
}


def permissions(call: Call) -> Iterator[Permission]:
    """What the call needs."""
    cluster = {"ecs:cluster": (_cluster(call),)}
    resources = RESOURCES[call.operation](call) if call.operation in RESOURCES else _cluster_if_named(call)
    for resource in resources:
        yield Permission(f"ecs:{call.operation}", resource, cluster)
    definition = _definition(call) if call.operation in STARTING else None
    if created := _tagged(call, definition):
        yield Permission("ecs:TagResource", created, {"ecs:createaction": (call.operation,)})
    for role in sorted(_roles(call, definition)):
        yield from pass_role(call, role, TASKS_SERVICE)


def _cluster_if_named(call: Call) -> list[str]:
    return [_cluster(call)] if call.parameters.get("cluster") else [ANY]


def _tagged(call: Call, definition: TaskDefinition | None) -> str | None:
    """The ARN, with a star for what is not known yet, of what the call creates with tags."""
    if call.operation == "RunTask":
        propagated = call.parameters.get("propagateTags") == "TASK_DEFINITION" and definition and definition.tags
        has_tags = call.parameters.get("tags") or propagated
        return _of_cluster(call, "task", "*") if has_tags else None
    if call.operation in ("CreateCluster", "RegisterTaskDefinition") and call.parameters.get("tags"):
        return RESOURCES[call.operation](call)[0]
    return None


def _roles(call: Call, definition: TaskDefinition | None) -> set[str]:
    """The roles that the tasks get."""
    if call.operation == "RegisterTaskDefinition":
        given = [call.parameters.get("taskRoleArn"), call.parameters.get("executionRoleArn")]
    elif definition:
        overrides = call.parameters.get("overrides") or {}
        given = [
            overrides.get("taskRoleArn") or definition.task_role_arn,
            overrides.get("executionRoleArn") or definition.execution_role_arn,
        ]
    else:
        given = []
    return {role for role in given if role}
