"""Who may what: roles by their policies, sessions by their roles, and what sessions have presigned."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config

from localstack_fargate.tests.iam_kit import (
    ACCOUNT,
    ROOT,
    SESSION_NAME,
    Role,
    allow,
    deny,
    document,
    refused,
    request_without_session,
    row,
    trust,
)
from localstack_fargate.tests.kit import REGION, random_name


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
    assert request_without_session("GET", url).data == b"x"
    role.put(allow("s3:PutObject"))
    assert request_without_session("GET", url).status == 403


@row("A presigned URL may what its session may")
def test_presigned_for_another_account(new_role: Callable[..., Role]) -> None:
    role = new_role(allow("s3:GetObject"), account="111111111111")
    name = random_name("films")
    role.operator("s3").create_bucket(Bucket=name)
    role.operator("s3").put_object(Bucket=name, Key="a", Body=b"x")
    url = role.session()("s3").generate_presigned_url("get_object", Params={"Bucket": name, "Key": "a"})
    assert request_without_session("GET", url).data == b"x"
    role.put(allow("s3:PutObject"))
    assert request_without_session("GET", url).status == 403


@row("A presigned form may what its session may")
@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_form(new_role: Callable[..., Role], bucket: str, version: str) -> None:
    role = new_role(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/in/*"))
    s3 = role.session()("s3", config=Config(signature_version=version))

    def upload(key: str) -> int:
        form = s3.generate_presigned_post(bucket, key)
        return request_without_session("POST", form["url"], fields={**form["fields"], "file": ("b.mp4", b"x")}).status

    assert upload("in/${filename}") == 204
    assert role.operator("s3").get_object(Bucket=bucket, Key="in/b.mp4")["Body"].read() == b"x"
    assert upload("out/${filename}") == 403
    role.put(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/in/"))
    assert upload("in/${filename}") == 403


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
