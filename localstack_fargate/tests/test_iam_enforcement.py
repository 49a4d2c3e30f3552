"""What IAM allows and denies in an emulator with ``FARGATE_ENFORCE_IAM=1``."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config

from localstack_fargate.tests.conftest import wait_until_ready
from localstack_fargate.tests.iam_kit import (
    ACCOUNT,
    ROOT,
    SESSION_NAME,
    Role,
    allow,
    denials,
    deny,
    document,
    ledger,
    refused,
    trust,
)
from localstack_fargate.tests.kit import REGION, Fargate, emulator, make_client, poll, random_name
from localstack_fargate.tests.lambda_kit import package

pytestmark = pytest.mark.launchers("process")  # IAM does not know what runs a task
row = partial(pytest.mark.conformance, "IAM enforcement")
HERE = f"{REGION}:{ACCOUNT}"


@pytest.fixture(scope="module")
def endpoint(launcher: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an emulator that enforces IAM, for the tests of this file."""
    with emulator(tmp_path_factory.mktemp("enforcing"), FARGATE_LAUNCHER=launcher, FARGATE_ENFORCE_IAM="1") as started:
        wait_until_ready(started)
        yield started.url


@pytest.fixture(scope="module")
def operator(endpoint: str) -> Callable[[str], Any]:
    return partial(make_client, endpoint=endpoint)


@pytest.fixture(scope="module")
def bucket(operator: Callable[[str], Any]) -> str:
    """A bucket with the object ``a``, of the operator's, who may do anything."""
    name = random_name("films")
    operator("s3").create_bucket(Bucket=name)
    operator("s3").put_object(Bucket=name, Key="a", Body=b"x")
    return name


@pytest.fixture
def new_role(endpoint: str) -> Callable[..., Role]:
    return partial(Role, endpoint)


@pytest.fixture
def fargate(endpoint: str) -> Iterator[Fargate]:
    made = Fargate(endpoint)
    yield made
    made.close()


@row("Without a policy nothing is allowed, in AWS's words")
def test_nothing(new_role: Callable[..., Role], bucket: str) -> None:
    role = new_role()
    code, message = refused(role.session()("s3").get_object, Bucket=bucket, Key="a")
    assert code == "AccessDenied"
    assert message == (
        f'User: {role.session_arn} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::{bucket}/a" '
        "because no identity-based policy allows the s3:GetObject action"
    )


@row("Inline policies, which count as soon as they are put")
def test_inline(new_role: Callable[..., Role], bucket: str) -> None:
    role = new_role(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    s3 = role.session()("s3")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"
    role.put(allow("s3:*"), deny("s3:Get*", f"arn:aws:s3:::{bucket}/a"))
    code, message = refused(s3.get_object, Bucket=bucket, Key="a")
    assert (code, message.split('/a" ')[1]) == ("AccessDenied", "with an explicit deny in an identity-based policy")
    role.iam.delete_role_policy(RoleName=role.name, PolicyName="own")
    assert "because no identity-based policy" in refused(s3.get_object, Bucket=bucket, Key="a")[1]


@row("Managed policies, AWS's own too, by their default versions")
def test_managed(new_role: Callable[..., Role], bucket: str) -> None:
    role = new_role()
    s3 = role.session()("s3")
    own = role.iam.create_policy(PolicyName=random_name(), PolicyDocument=document(allow("s3:GetObject")))["Policy"][
        "Arn"
    ]
    role.iam.attach_role_policy(RoleName=role.name, PolicyArn=own)
    s3.get_object(Bucket=bucket, Key="a")
    role.iam.create_policy_version(PolicyArn=own, PolicyDocument=document(allow("s3:PutObject")), SetAsDefault=True)
    assert refused(s3.get_object, Bucket=bucket, Key="a")[0] == "AccessDenied"
    role.iam.attach_role_policy(RoleName=role.name, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    s3.get_object(Bucket=bucket, Key="a")
    assert refused(s3.delete_object, Bucket=bucket, Key="a")[0] == "AccessDenied"


@row("A permissions boundary bounds")
def test_boundary(new_role: Callable[..., Role], bucket: str) -> None:
    role = new_role(allow("s3:*"))
    bound = role.iam.create_policy(PolicyName=random_name(), PolicyDocument=document(allow("s3:Put*")))["Policy"]["Arn"]
    role.iam.put_role_permissions_boundary(RoleName=role.name, PermissionsBoundary=bound)
    s3 = role.session()("s3")
    s3.put_object(Bucket=bucket, Key="bounded")
    assert (
        "because no permissions boundary allows the s3:GetObject action"
        in refused(s3.get_object, Bucket=bucket, Key="a")[1]
    )


@row("A version of an object needs `s3:GetObjectVersion`, a write on a condition of what is there `s3:GetObject`")
def test_names_of_s3(new_role: Callable[..., Role], operator: Callable[[str], Any], bucket: str) -> None:
    operator("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    written = operator("s3").put_object(Bucket=bucket, Key="v", Body=b"1")
    role = new_role(allow("s3:GetObject"), allow("s3:PutObject"))
    s3 = role.session()("s3")
    assert "s3:GetObjectVersion" in refused(s3.get_object, Bucket=bucket, Key="v", VersionId=written["VersionId"])[1]
    role.put(allow("s3:PutObject"))
    s3.put_object(Bucket=bucket, Key="new", IfNoneMatch="*")
    assert "s3:GetObject on" in refused(s3.put_object, Bucket=bucket, Key="v", IfMatch=written["ETag"])[1]


@row("That a key is missing is told only to those who may list the bucket")
def test_missing_key(new_role: Callable[..., Role], bucket: str) -> None:
    role = new_role(allow("s3:GetObject"))
    s3 = role.session()("s3")
    code, message = refused(s3.get_object, Bucket=bucket, Key="none")
    assert (code, "s3:ListBucket on resource" in message) == ("AccessDenied", True)
    assert refused(s3.head_object, Bucket=bucket, Key="none")[0] == "403"
    role.put(allow("s3:GetObject"), allow("s3:ListBucket", f"arn:aws:s3:::{bucket}"))
    assert refused(s3.get_object, Bucket=bucket, Key="none")[0] == "NoSuchKey"
    assert refused(s3.head_object, Bucket=bucket, Key="none")[0] == "404"


@row("A presigned URL may what its session may")
def test_presigned(new_role: Callable[..., Role], bucket: str) -> None:
    role = new_role(allow("s3:GetObject"))
    url = role.session()("s3").generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a"})
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
        assert answer.read() == b"x"
    role.put(allow("s3:PutObject"))
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url, timeout=10)  # noqa: S310


@row("A presigned URL may what its session may")
def test_presigned_for_another_account(new_role: Callable[..., Role]) -> None:
    role = new_role(allow("s3:GetObject"), account="111111111111")
    name = random_name("films")
    role.operator("s3").create_bucket(Bucket=name)
    role.operator("s3").put_object(Bucket=name, Key="a", Body=b"x")
    url = role.session()("s3").generate_presigned_url("get_object", Params={"Bucket": name, "Key": "a"})
    assert urllib3.request("GET", url).data == b"x"
    role.put(allow("s3:PutObject"))
    assert urllib3.request("GET", url).status == 403


@row("A presigned form may what its session may")
@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_form(new_role: Callable[..., Role], bucket: str, version: str) -> None:
    role = new_role(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/in/*"))
    s3 = role.session()("s3", config=Config(signature_version=version))

    def upload(key: str) -> int:
        form = s3.generate_presigned_post(bucket, key)
        return urllib3.request("POST", form["url"], fields={**form["fields"], "file": ("b.mp4", b"x")}).status

    assert upload("in/${filename}") == 204
    assert role.operator("s3").get_object(Bucket=bucket, Key="in/b.mp4")["Body"].read() == b"x"
    assert upload("out/${filename}") == 403
    role.put(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/in/"))
    assert upload("in/${filename}") == 403


@row("Bucket, queue and topic policies allow and deny")
def test_resource_policies(new_role: Callable[..., Role], operator: Callable[[str], Any]) -> None:
    role = new_role()
    session = role.session()
    to_role = {"Principal": {"AWS": role.arn}}
    name = random_name()
    operator("s3").create_bucket(Bucket=name)
    operator("s3").put_bucket_policy(
        Bucket=name,
        Policy=document(
            allow("s3:PutObject", f"arn:aws:s3:::{name}/*", **to_role),
            deny("s3:PutObject", f"arn:aws:s3:::{name}/no", Principal="*"),
        ),
    )
    session("s3").put_object(Bucket=name, Key="yes")
    message = refused(session("s3").put_object, Bucket=name, Key="no")[1]
    assert message.endswith("with an explicit deny in a resource-based policy")

    queue = operator("sqs").create_queue(QueueName=name)["QueueUrl"]
    code, message = refused(session("sqs").send_message, QueueUrl=queue, MessageBody="x")
    assert code == "AccessDenied"
    assert f"sqs:sendmessage on resource: arn:aws:sqs:{HERE}:{name} because no identity-based policy" in message
    policy = document(allow("sqs:SendMessage", f"arn:aws:sqs:{HERE}:{name}", **to_role))
    operator("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    session("sqs").send_message(QueueUrl=queue, MessageBody="x")
    session("sqs", region_name="eu-west-1").send_message(QueueUrl=queue, MessageBody="x")  # the URL says where it is

    topic = operator("sns").create_topic(Name=name)["TopicArn"]
    code, message = refused(session("sns").publish, TopicArn=topic, Message="x")
    assert code == "AuthorizationError"
    assert message.endswith(
        f"SNS:Publish on resource: {topic} because no identity-based policy allows the SNS:Publish action"
    )
    operator("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=document(allow("sns:Publish", topic, **to_role))
    )
    session("sns").publish(TopicArn=topic, Message="x")


@row("What is under a key of one's own needs the key, too")
def test_keys(new_role: Callable[..., Role], operator: Callable[[str], Any], bucket: str) -> None:
    name = random_name()
    key = operator("kms").create_key()["KeyMetadata"]["Arn"]
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    operator("s3").create_bucket(Bucket=name)
    operator("s3").put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    objects = allow(["s3:GetObject", "s3:PutObject"])
    role = new_role(objects)
    s3 = role.session()("s3")
    code, message = refused(s3.put_object, Bucket=name, Key="a")
    assert (code, f"kms:GenerateDataKey on resource: {key} because no identity-based" in message) == (
        "AccessDenied",
        True,
    )
    by_s3 = {"Condition": {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}}
    role.put(objects, allow("kms:GenerateDataKey", key, **by_s3))
    s3.put_object(Bucket=name, Key="a", Body=b"x")
    assert "kms:Decrypt" in refused(s3.get_object, Bucket=name, Key="a")[1]
    upload = s3.create_multipart_upload(Bucket=name, Key="b")["UploadId"]
    part = {"Bucket": name, "Key": "b", "UploadId": upload, "PartNumber": 1, "Body": b"x"}
    assert "kms:Decrypt" in refused(s3.upload_part, **part)[1]
    role.put(objects, allow(["kms:GenerateDataKey", "kms:Decrypt"], key, **by_s3))
    s3.upload_part(**part)
    assert s3.get_object(Bucket=name, Key="a")["Body"].read() == b"x"
    copied = {"CopySource": {"Bucket": name, "Key": "a"}, "Key": "b"}
    part = {"UploadId": s3.create_multipart_upload(Bucket=bucket, Key="b")["UploadId"], "PartNumber": 1}
    role.put(objects, allow("kms:GenerateDataKey", key, **by_s3))
    assert "kms:Decrypt" in refused(s3.copy_object, Bucket=bucket, **copied)[1]
    assert "kms:Decrypt" in refused(s3.upload_part_copy, Bucket=bucket, **copied, **part)[1]
    role.put(objects, allow("kms:Decrypt", key, **by_s3))
    s3.copy_object(Bucket=bucket, **copied)
    s3.upload_part_copy(Bucket=bucket, **copied, **part)

    topic = operator("sns").create_topic(Name=name, Attributes={"KmsMasterKeyId": key})["TopicArn"]
    role.put(allow("sns:Publish"))
    assert "kms:GenerateDataKey" in refused(role.session()("sns").publish, TopicArn=topic, Message="x")[1]
    role.put(allow("sns:Publish"), allow("kms:*", key))
    role.session()("sns").publish(TopicArn=topic, Message="x")


@row("A key by an alias is the key, and an alias needs a permission of its own")
def test_aliases(new_role: Callable[..., Role], operator: Callable[[str], Any]) -> None:
    key = operator("kms").create_key()["KeyMetadata"]["Arn"]
    other = operator("kms").create_key()["KeyMetadata"]["Arn"]
    alias = f"alias/{random_name()}"
    operator("kms").create_alias(AliasName=alias, TargetKeyId=key)
    role = new_role(allow("kms:*", key))
    kms = role.session()("kms")
    for name in (alias, f"arn:aws:kms:{HERE}:{alias}"):
        kms.encrypt(KeyId=name, Plaintext=b"x")
    assert f"on resource: arn:aws:kms:{HERE}:{alias} because" in refused(kms.delete_alias, AliasName=alias)[1]
    role.put(allow("kms:*", [key, f"arn:aws:kms:{HERE}:{alias}"]))
    assert f"on resource: {other} because" in refused(kms.update_alias, AliasName=alias, TargetKeyId=other)[1]
    operator("kms").update_alias(AliasName=alias, TargetKeyId=other.rpartition("/")[2])
    assert f"on resource: {other} because" in refused(kms.encrypt, KeyId=alias, Plaintext=b"x")[1]
    role.put(allow("kms:*", other, Condition={"StringEquals": {"kms:RequestAlias": alias}}))
    kms.encrypt(KeyId=alias, Plaintext=b"x")
    assert refused(kms.encrypt, KeyId=other, Plaintext=b"x")[0] == "AccessDeniedException"


@row("Each service has its own error code")
@pytest.mark.parametrize(
    ("service", "operation", "request_", "code"),
    [
        ("ecs", "list_clusters", {}, "AccessDeniedException"),
        ("events", "list_rules", {}, "AccessDeniedException"),
        ("iam", "list_roles", {}, "AccessDenied"),
        ("lambda", "list_functions", {}, "AccessDeniedException"),
        ("logs", "describe_log_groups", {}, "AccessDeniedException"),
        ("stepfunctions", "list_state_machines", {}, "AccessDeniedException"),
        ("ec2", "describe_vpcs", {}, "UnauthorizedOperation"),
    ],
)
def test_codes(
    new_role: Callable[..., Role], service: str, operation: str, request_: dict[str, Any], code: str
) -> None:
    client = new_role().session()(service)
    found, message = refused(getattr(client, operation), **request_)
    assert found == code
    assert "because no identity-based policy allows the" in message


@row("Trust policies: a session assumes what trusts it, and a role that is none nobody")
def test_trust(new_role: Callable[..., Role], operator: Callable[[str], Any]) -> None:
    caller = new_role()
    named, account = new_role(trusted=trust() | {"Principal": {"AWS": caller.arn}}), new_role()
    sts = caller.session()("sts")
    sts.assume_role(RoleArn=named.arn, RoleSessionName=SESSION_NAME)
    assert (
        "no identity-based policy allows"
        in refused(sts.assume_role, RoleArn=account.arn, RoleSessionName=SESSION_NAME)[1]
    )
    caller.put(allow("sts:AssumeRole"))
    sts.assume_role(RoleArn=account.arn, RoleSessionName=SESSION_NAME)
    of_service = new_role(trusted=trust("states"))
    assert (
        "no role trust policy allows"
        in refused(sts.assume_role, RoleArn=of_service.arn, RoleSessionName=SESSION_NAME)[1]
    )
    none = f"arn:aws:iam::{ACCOUNT}:role/none"
    code, message = refused(operator("sts").assume_role, RoleArn=none, RoleSessionName=SESSION_NAME)
    assert (code, message) == (
        "AccessDenied",
        f"User: {ROOT} is not authorized to perform: sts:AssumeRole on resource: {none}",
    )


@row("Tags and a source identity of a session need `sts:TagSession` and `sts:SetSourceIdentity`, of both roles")
def test_session_tags(new_role: Callable[..., Role]) -> None:
    caller = new_role(allow(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]))
    given = {"Tags": [{"Key": "team", "Value": "red"}], "SourceIdentity": "me"}
    plain = new_role()
    request = {"RoleArn": plain.arn, "RoleSessionName": SESSION_NAME, **given}
    assume = caller.session()("sts").assume_role
    assert "sts:TagSession on resource" in refused(assume, **request)[1]
    tagged = new_role(trusted=trust() | {"Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]})
    red = {"StringEquals": {"aws:PrincipalTag/team": "red", "aws:SourceIdentity": "me"}}
    tagged.put(allow("s3:ListAllMyBuckets", Condition=red))
    tagged.clients(assume(**request | {"RoleArn": tagged.arn})["Credentials"])("s3").list_buckets()
    assert "s3:ListAllMyBuckets" in refused(tagged.session()("s3").list_buckets)[1]


@row("Anybody may ask who they are, and no session gets the account's own credentials")
def test_identity(new_role: Callable[..., Role]) -> None:
    role = new_role(allow("*"))
    sts = role.session()("sts")
    assert sts.get_caller_identity()["Arn"] == role.session_arn
    code, message = refused(sts.get_session_token)
    assert (code, message) == ("AccessDenied", "Cannot call GetSessionToken with session credentials")


@row("A session ends with its role, also if there is another of its name")
def test_deleted_role(new_role: Callable[..., Role], bucket: str) -> None:
    role = new_role()
    session = role.session()
    role.iam.delete_role(RoleName=role.name)
    assert refused(session("s3").get_object, Bucket=bucket, Key="a")[0] == "InvalidAccessKeyId"
    assert refused(session("sts").get_caller_identity)[0] == "InvalidClientTokenId"
    role.iam.create_role(RoleName=role.name, AssumeRolePolicyDocument=document(trust()))
    assert refused(session("ecs").list_clusters)[0] == "UnrecognizedClientException"
    stranger = boto3.client(
        "sts", endpoint_url=role.iam.meta.endpoint_url, region_name=REGION,
        aws_access_key_id="LSIAQAAAAAAAAAAAAAAA", aws_secret_access_key="x", aws_session_token="x",
    )  # fmt: skip
    assert refused(stranger.get_caller_identity)[0] == "InvalidClientTokenId"


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


@row("Rules and alarms reach functions and topics only if these let them in")
def test_deliveries(endpoint: str, operator: Callable[[str], Any]) -> None:
    name = random_name()
    topic = operator("sns").create_topic(Name=name)["TopicArn"]
    queue = operator("sqs").create_queue(QueueName=name)["QueueUrl"]
    operator("events").put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    operator("events").put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": f"arn:aws:sqs:{HERE}:{name}"}])
    operator("cloudwatch").put_metric_alarm(
        AlarmName=name, Namespace=name, MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", AlarmActions=[topic],
    )  # fmt: skip

    def deliver() -> None:
        operator("events").put_events(Entries=[{"Source": name, "DetailType": "t", "Detail": "{}"}])
        for state in ("OK", "ALARM"):
            operator("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")

    def was(said: str) -> bool:
        return any(said in message and name in message for message in denials(endpoint))

    deliver()
    poll(lambda: was("User: events.amazonaws.com is not authorized to perform: sqs:sendmessage"))
    poll(lambda: was("User: cloudwatch.amazonaws.com is not authorized to perform: SNS:Publish"))

    rule = {"ArnEquals": {"aws:SourceArn": f"arn:aws:events:{HERE}:rule/{name}"}}
    from_rule = allow("sqs:SendMessage", Principal={"Service": "events.amazonaws.com"}, Condition=rule)
    from_topic = allow(
        "sqs:SendMessage", Principal={"Service": "sns.amazonaws.com"}, Condition={"ArnLike": {"aws:SourceArn": topic}}
    )
    operator("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document(from_rule, from_topic)})
    operator("sns").set_topic_attributes(
        TopicArn=topic,
        AttributeName="Policy",
        AttributeValue=document(
            allow(
                "sns:Publish",
                topic,
                Principal={"Service": "cloudwatch.amazonaws.com"},
                Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}},
            )
        ),
    )
    operator("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{HERE}:{name}")
    deliver()
    found: list[str] = []

    def arrived() -> bool:
        answer = operator("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        found.extend(message["Body"] for message in answer.get("Messages", []))
        return any('"detail-type"' in body for body in found) and any("AlarmName" in body for body in found)

    poll(arrived)
    operator("events").remove_targets(Rule=name, Ids=["queue"])
    operator("events").delete_rule(Name=name)
    operator("cloudwatch").delete_alarms(AlarmNames=[name])


@row("What was used is told, by role and statement")
def test_ledger(endpoint: str, new_role: Callable[..., Role], bucket: str) -> None:
    role = new_role(
        allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Sid="Read"),
        allow("s3:*", f"arn:aws:s3:::{bucket}/b", Sid="All"),
    )
    s3 = role.session()("s3")
    s3.put_object(Bucket=bucket, Key="b")
    for key in ("b", "a"):
        s3.get_object(Bucket=bucket, Key=key)
    uses = [use for use in ledger(endpoint)["uses"] if use["caller"] == role.arn]
    shown = {(use["policy"], use["statement"], use["action"]): (use["calls"], use["alone"]) for use in uses}
    assert shown == {
        ("own", "All", "s3:PutObject"): (1, 1),
        ("own", "All", "s3:GetObject"): (1, 0),
        ("own", "Read", "s3:GetObject"): (2, 1),
    }
    [read] = [use["example"] for use in uses if use["statement"] == "Read"]
    assert (read["action"], read["resource"]) == ("s3:GetObject", f"arn:aws:s3:::{bucket}/a")
    assert read["context"]["aws:principalarn"] == [role.arn]
    assert read["context"]["sts:rolesessionname"] == [SESSION_NAME]


@row("What a call was allowed that was denied in the end is not told as used")
def test_ledger_of_a_denied_call(endpoint: str, new_role: Callable[..., Role], bucket: str) -> None:
    role = new_role(allow("s3:PutObject"))
    assert "s3:GetObject on" in refused(role.session()("s3").put_object, Bucket=bucket, Key="a", IfMatch='"e"')[1]
    assert role.arn not in {use["caller"] for use in ledger(endpoint)["uses"]}
