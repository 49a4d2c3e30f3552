"""Who may give a role to a service, and what tasks, state machines and functions then may."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from localstack_fargate.tests.iam_kit import ACCOUNT, HERE, Role, allow, document, refused, row, trust
from localstack_fargate.tests.kit import Fargate, poll, random_name
from localstack_fargate.tests.lambda_kit import package


@row("`iam:PassRole` with `iam:PassedToService`, for RunTask and RegisterTaskDefinition")
def test_pass_role(new_role: Callable[..., Role], fargate: Fargate) -> None:
    definition = fargate.register(fargate.container(command=["exit 0"]), taskRoleArn=fargate.role_arn)
    cluster = fargate.ecs.describe_clusters(clusters=[fargate.name])["clusters"][0]["clusterArn"]
    run = allow("ecs:RunTask", definition, Condition={"ArnEquals": {"ecs:cluster": cluster}})
    caller = new_role(run)
    ecs = caller.session()("ecs")
    request = {"cluster": fargate.name, "launchType": "FARGATE", "networkConfiguration": fargate.network}
    denied = (
        f"User: {caller.session_arn} is not authorized to perform: iam:PassRole on resource: {fargate.role_arn} "
        "because no identity-based policy allows the iam:PassRole action"
    )
    family = definition.rpartition(":")[0].rpartition("/")[2]
    assert refused(ecs.run_task, taskDefinition=family, **request) == ("AccessDeniedException", denied)
    to = {"Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}}
    caller.put(run, allow("iam:PassRole", fargate.role_arn, **to))
    assert refused(ecs.run_task, taskDefinition=family, **request) == ("AccessDeniedException", denied)
    to["Condition"]["StringEquals"]["iam:PassedToService"] = "ecs-tasks.amazonaws.com"
    caller.put(run, allow("iam:PassRole", fargate.role_arn, **to))
    assert ecs.run_task(taskDefinition=family, **request)["tasks"]
    message = refused(ecs.run_task, taskDefinition=family, **(request | {"cluster": "default"}))[1]
    assert f"ecs:RunTask on resource: {definition} because" in message
    caller.put(allow("ecs:RegisterTaskDefinition"))
    registered = {"family": random_name(), "containerDefinitions": [{"name": "c", "image": "i"}]}
    assert "iam:PassRole" in refused(ecs.register_task_definition, taskRoleArn=fargate.role_arn, **registered)[1]


@row("A task may what its task role allows, and its log is its execution role's")
def test_task(new_role: Callable[..., Role], fargate: Fargate, bucket: str) -> None:
    from_here = {"ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{HERE}:*"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
    task_role = new_role(trusted=trust("ecs-tasks", Condition=from_here))
    script = f"import boto3; print(boto3.client('s3').get_object(Bucket='{bucket}', Key='a')['Body'].read())"
    container = fargate.container(image="example/python", command=[script])
    silent = fargate.wait(fargate.run(container, taskRoleArn=task_role.arn))
    assert "AccessDeniedException: User: arn:aws:sts::" in silent["stoppedReason"]
    assert (
        f"/{silent['taskArn'].rsplit('/', 1)[-1]} is not authorized to perform: logs:CreateLogStream"
        in silent["stoppedReason"]
    )
    fargate.iam.put_role_policy(
        RoleName=fargate.name, PolicyName="logs",
        PolicyDocument=document(
            allow(["logs:CreateLogStream", "logs:PutLogEvents"], f"arn:aws:logs:{HERE}:log-group:{fargate.log_group}:*")
        ),
    )  # fmt: skip
    try:
        denied = fargate.run(container, taskRoleArn=task_role.arn)
        fargate.wait(denied)
        assert "is not authorized to perform: s3:GetObject on resource" in "".join(fargate.output(denied))
        task_role.put(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
        allowed = fargate.run(container, taskRoleArn=task_role.arn)
        fargate.wait(allowed)
        assert fargate.output(allowed) == ["b'x'"]
    finally:
        fargate.iam.delete_role_policy(RoleName=fargate.name, PolicyName="logs")


@row("A state machine may what its role allows; its role has to be able to make the rule for `ecs:runTask.sync`")
def test_state_machine(new_role: Callable[..., Role], operator: Callable[[str], Any], fargate: Fargate) -> None:
    role = new_role(trusted=trust("states", Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}))
    states = operator("stepfunctions")
    definition = fargate.register(fargate.container(command=["exit 0"]))
    run = {
        "Type": "Task",
        "Resource": "arn:aws:states:::ecs:runTask.sync",
        "Parameters": {"Cluster": fargate.name, "TaskDefinition": definition, "LaunchType": "FARGATE"},
        "End": True,
    }
    machine = {
        "name": random_name(),
        "definition": json.dumps({"StartAt": "Run", "States": {"Run": run}}),
        "roleArn": role.arn,
    }
    expected = f"'{role.arn}' is not authorized to create managed-rule."
    assert refused(states.create_state_machine, **machine) == ("AccessDeniedException", expected)
    rule = f"arn:aws:events:{HERE}:rule/StepFunctionsGetEventsForECSTaskRule"
    role.put(allow(["events:PutRule", "events:PutTargets", "events:DescribeRule"], rule))
    made = states.create_state_machine(**machine)["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=made)["executionArn"]
    ended = poll(lambda: (e := states.describe_execution(executionArn=execution))["status"] != "RUNNING" and e, 20)
    assert ended["error"] == "ECS.AccessDeniedException"
    assert f"is not authorized to perform: ecs:RunTask on resource: {definition} because" in ended["cause"]
    states.delete_state_machine(stateMachineArn=made)


@row("A function may what its role allows, which has to trust Lambda")
def test_function(new_role: Callable[..., Role], operator: Callable[[str], Any], bucket: str) -> None:
    code = f"""
        import boto3
        def handler(event, context):
            return boto3.client("s3").get_object(Bucket="{bucket}", Key="a")["Body"].read().decode()
    """
    api = operator("lambda")
    request = {"Runtime": "python3.13", "Handler": "app.handler", "Code": {"ZipFile": package(code)}, "Timeout": 10}
    other = new_role(trusted=trust("states"))
    assert "cannot be assumed by Lambda" in refused(api.create_function, FunctionName="x", Role=other.arn, **request)[1]
    role = new_role(trusted=trust("lambda"))
    name = random_name()
    api.create_function(FunctionName=name, Role=role.arn, **request)
    poll(lambda: api.get_function(FunctionName=name)["Configuration"]["State"] == "Active")
    failed = json.load(api.invoke(FunctionName=name)["Payload"])
    assert f"assumed-role/{role.name}/{name} is not authorized to perform: s3:GetObject" in failed["errorMessage"]
    role.put(allow("s3:GetObject"))
    assert json.load(api.invoke(FunctionName=name)["Payload"]) == "x"

    # Who may call it: another role by its policies, a service only by the function's.
    caller = new_role()
    assert "lambda:InvokeFunction" in refused(caller.session()("lambda").invoke, FunctionName=name)[1]
    caller.put(allow("lambda:InvokeFunction"))
    caller.session()("lambda").invoke(FunctionName=name)
    configuration = {
        "LambdaFunctionConfigurations": [
            {"LambdaFunctionArn": f"arn:aws:lambda:{HERE}:function:{name}", "Events": ["s3:ObjectCreated:*"]}
        ]
    }
    notify = partial(
        operator("s3").put_bucket_notification_configuration, Bucket=bucket, NotificationConfiguration=configuration
    )
    assert refused(notify)[0] == "InvalidArgument"
    permission = {"FunctionName": name, "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    api.add_permission(StatementId="other", SourceArn="arn:aws:s3:::another", **permission)
    assert refused(notify)[0] == "InvalidArgument"
    api.add_permission(StatementId="s3", SourceArn=f"arn:aws:s3:::{bucket}", SourceAccount=ACCOUNT, **permission)
    notify()
    operator("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    api.delete_function(FunctionName=name)
