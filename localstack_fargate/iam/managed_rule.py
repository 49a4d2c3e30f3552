"""The rule that Step Functions makes for itself, as the state machine's role, to hear of tasks that have stopped.

LocalStack's Step Functions asks ECS instead, and so needs no rule; AWS's refuses a state machine whose role may not
make it.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html
"""

from localstack.services.stepfunctions.backend.models import sfn_stores

from .actions import Call, Permission

NEEDING = ("CreateStateMachine", "UpdateStateMachine")
INTEGRATION = "ecs:runTask.sync"
RULE = "rule/StepFunctionsGetEventsForECSTaskRule"
ACTIONS = ("events:DescribeRule", "events:PutRule", "events:PutTargets")


def rule_role(call: Call) -> str | None:
    """The ARN of the role that has to be able to make the rule, if the call makes a state machine which needs it."""
    if call.service != "states" or call.operation not in NEEDING:
        return None
    arn = str(call.parameters.get("stateMachineArn"))
    known = sfn_stores[call.account][call.region].state_machines.get(arn)
    definition = call.parameters.get("definition") or (known.definition if known else "")
    role: str | None = call.parameters.get("roleArn") or (known.role_arn if known else None)
    return role if INTEGRATION in definition else None


def rule_permissions(call: Call) -> list[Permission]:
    """What the role needs."""
    return [Permission(action, call.arn(RULE, "events")) for action in ACTIONS]
