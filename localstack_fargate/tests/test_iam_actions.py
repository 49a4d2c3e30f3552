"""Which actions on which resources an API call needs."""

from typing import Any

import pytest
from werkzeug.test import EnvironBuilder

from localstack_fargate.iam.actions import Call, needed
from localstack_fargate.iam.post_form import put_parameters

HERE = "us-east-1:000000000000"
OBJECT = "arn:aws:s3:::films/a/b.mp4"
KEY = {"Bucket": "films", "Key": "a/b.mp4"}


def pairs(service: str, operation: str, **parameters: Any) -> list[tuple[str, str]]:
    call = Call(service, operation, parameters, "000000000000", "us-east-1")
    return [(permission.action, permission.resource) for permission in needed(call)]


@pytest.mark.parametrize(
    ("operation", "parameters", "actions"),
    [
        ("GetObject", KEY, ["GetObject"]),
        ("HeadObject", KEY, ["GetObject"]),
        ("GetObject", {**KEY, "VersionId": "7"}, ["GetObjectVersion"]),
        ("PutObject", {**KEY, "IfNoneMatch": "*"}, ["PutObject"]),
        ("PutObject", {**KEY, "IfMatch": '"e"'}, ["PutObject", "GetObject"]),
        ("PutObject", {**KEY, "Tagging": "a=b", "ACL": "private"}, ["PutObject", "PutObjectAcl", "PutObjectTagging"]),
        ("CreateMultipartUpload", KEY, ["PutObject"]),
        ("UploadPart", KEY, ["PutObject"]),
        ("CompleteMultipartUpload", {**KEY, "IfMatch": '"e"'}, ["PutObject", "GetObject"]),
        ("AbortMultipartUpload", KEY, ["AbortMultipartUpload"]),
        ("ListParts", KEY, ["ListMultipartUploadParts"]),
        ("DeleteObject", KEY, ["DeleteObject"]),
        ("DeleteObject", {**KEY, "VersionId": "7"}, ["DeleteObjectVersion"]),
        ("GetObjectAttributes", {**KEY, "VersionId": "7"}, ["GetObjectVersionAttributes", "GetObjectVersion"]),
    ],
)
def test_objects(operation: str, parameters: dict[str, Any], actions: list[str]) -> None:
    assert pairs("s3", operation, **parameters) == [(f"s3:{action}", OBJECT) for action in actions]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "expected"),
    [
        ("s3", "ListObjectsV2", {"Bucket": "films"}, [("s3:ListBucket", "arn:aws:s3:::films")]),
        ("s3", "HeadBucket", {"Bucket": "films"}, [("s3:ListBucket", "arn:aws:s3:::films")]),
        ("s3", "ListBuckets", {}, [("s3:ListAllMyBuckets", "*")]),
        ("s3", "GetBucketCors", {"Bucket": "films"}, [("s3:GetBucketCORS", "arn:aws:s3:::films")]),
        ("s3", "DeleteBucketCors", {"Bucket": "films"}, [("s3:PutBucketCORS", "arn:aws:s3:::films")]),
        (
            "s3", "CopyObject", {**KEY, "CopySource": "/other/x%2By+%3F.mp4?versionId=7"},
            [("s3:PutObject", OBJECT), ("s3:GetObjectVersion", "arn:aws:s3:::other/x+y ?.mp4")],
        ),
        (
            "s3", "UploadPartCopy", {**KEY, "CopySource": "other/a/b.mp4", "UploadId": "u", "PartNumber": 1},
            [("s3:PutObject", OBJECT), ("s3:GetObject", "arn:aws:s3:::other/a/b.mp4")],
        ),
        (
            "s3", "DeleteObjects",
            {"Bucket": "films", "Delete": {"Objects": [{"Key": "a"}, {"Key": "b", "VersionId": "7"}]}},
            [("s3:DeleteObject", "arn:aws:s3:::films/a"), ("s3:DeleteObjectVersion", "arn:aws:s3:::films/b")],
        ),
        (
            "ecs", "DescribeTasks", {"cluster": "c", "tasks": ["t", f"arn:aws:ecs:{HERE}:task/c/u"]},
            [("ecs:DescribeTasks", f"arn:aws:ecs:{HERE}:task/c/{task}") for task in "tu"],
        ),
        ("ecs", "StopTask", {"task": "t"}, [("ecs:StopTask", f"arn:aws:ecs:{HERE}:task/default/t")]),
        ("ecs", "ListTasks", {"cluster": "c"}, [("ecs:ListTasks", "*")]),
        (
            "ecs", "RunTask", {"cluster": "c", "taskDefinition": "none"},
            [("ecs:RunTask", f"arn:aws:ecs:{HERE}:task-definition/none")],
        ),
        (
            "ecs", "RunTask", {"cluster": "c", "taskDefinition": "none", "tags": [{"key": "a", "value": "b"}]},
            [
                ("ecs:RunTask", f"arn:aws:ecs:{HERE}:task-definition/none"),
                ("ecs:TagResource", f"arn:aws:ecs:{HERE}:task/c/*"),
            ],
        ),
        (
            "ecs", "RegisterTaskDefinition", {"family": "f", "taskRoleArn": "arn:aws:iam::000000000000:role/t"},
            [
                ("ecs:RegisterTaskDefinition", f"arn:aws:ecs:{HERE}:task-definition/f:*"),
                ("iam:PassRole", "arn:aws:iam::000000000000:role/t"),
            ],
        ),
        (
            "states", "StartExecution", {"stateMachineArn": f"arn:aws:states:{HERE}:stateMachine:m"},
            [("states:StartExecution", f"arn:aws:states:{HERE}:stateMachine:m")],
        ),
        (
            "states", "CreateStateMachine", {"name": "m", "roleArn": "arn:aws:iam::000000000000:role/r"},
            [
                ("states:CreateStateMachine", f"arn:aws:states:{HERE}:stateMachine:m"),
                ("iam:PassRole", "arn:aws:iam::000000000000:role/r"),
            ],
        ),
        ("lambda", "Invoke", {"FunctionName": "f"}, [("lambda:InvokeFunction", f"arn:aws:lambda:{HERE}:function:f")]),
        (
            "lambda", "Invoke", {"FunctionName": "000000000000:function:f", "Qualifier": "live"},
            [("lambda:InvokeFunction", f"arn:aws:lambda:{HERE}:function:f:live")],
        ),
        (
            "lambda", "CreateFunction", {"FunctionName": "f", "Role": "arn:aws:iam::000000000000:role/r"},
            [
                ("lambda:CreateFunction", f"arn:aws:lambda:{HERE}:function:f"),
                ("iam:PassRole", "arn:aws:iam::000000000000:role/r"),
            ],
        ),
        (
            "sqs", "SendMessageBatch", {"QueueUrl": "http://sqs.us-east-1.localhost:4566/000000000000/q"},
            [("sqs:SendMessage", f"arn:aws:sqs:{HERE}:q")],
        ),
        (
            "sqs", "SendMessage", {"QueueUrl": "http://localhost:4566/queue/eu-west-1/111111111111/q"},
            [("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111111111111:q")],
        ),
        ("sqs", "ReceiveMessage", {"QueueUrl": "q"}, [("sqs:ReceiveMessage", f"arn:aws:sqs:{HERE}:q")]),
        ("sqs", "CreateQueue", {"QueueName": "q"}, [("sqs:CreateQueue", f"arn:aws:sqs:{HERE}:q")]),
        ("sns", "Publish", {"TopicArn": f"arn:aws:sns:{HERE}:t"}, [("sns:Publish", f"arn:aws:sns:{HERE}:t")]),
        ("sns", "Publish", {"PhoneNumber": "+1"}, [("sns:Publish", "*")]),
        (
            "events", "PutEvents", {"Entries": [{"Source": "a"}, {"Source": "b", "EventBusName": "bus"}]},
            [
                ("events:PutEvents", f"arn:aws:events:{HERE}:event-bus/default"),
                ("events:PutEvents", f"arn:aws:events:{HERE}:event-bus/bus"),
            ],
        ),
        (
            "events", "PutTargets", {"Rule": "r", "Targets": [{"RoleArn": "arn:aws:iam::000000000000:role/r"}]},
            [
                ("events:PutTargets", f"arn:aws:events:{HERE}:rule/r"),
                ("iam:PassRole", "arn:aws:iam::000000000000:role/r"),
            ],
        ),
        (
            "logs", "PutLogEvents", {"logGroupName": "/g", "logStreamName": "s"},
            [("logs:PutLogEvents", f"arn:aws:logs:{HERE}:log-group:/g:log-stream:s")],
        ),
        (
            "logs", "CreateLogGroup", {"logGroupName": "/g"},
            [("logs:CreateLogGroup", f"arn:aws:logs:{HERE}:log-group:/g:log-stream:")],
        ),
        ("cloudwatch", "PutMetricData", {"Namespace": "n"}, [("cloudwatch:PutMetricData", "*")]),
        ("ecr", "BatchGetImage", {"repositoryName": "r"}, [("ecr:BatchGetImage", f"arn:aws:ecr:{HERE}:repository/r")]),
        ("ecr", "GetAuthorizationToken", {}, [("ecr:GetAuthorizationToken", "*")]),
        ("kms", "Decrypt", {"KeyId": "k"}, [("kms:Decrypt", f"arn:aws:kms:{HERE}:key/k")]),
        (
            "kms", "CreateAlias", {"AliasName": "alias/a", "TargetKeyId": "k"},
            [("kms:CreateAlias", f"arn:aws:kms:{HERE}:{resource}") for resource in ("alias/a", "key/k")],
        ),
        ("kms", "ListKeys", {}, [("kms:ListKeys", "*")]),
        (
            "ssm", "GetParameters", {"Names": ["/a/b:2", f"arn:aws:ssm:{HERE}:parameter/c"]},
            [("ssm:GetParameters", f"arn:aws:ssm:{HERE}:parameter/{name}") for name in ("a/b", "c")],
        ),
        ("ssm", "DescribeParameters", {}, [("ssm:DescribeParameters", "*")]),
        ("sts", "GetCallerIdentity", {}, []),
        (
            "sts", "AssumeRole", {"RoleArn": "r", "Tags": [{"Key": "a", "Value": "b"}], "SourceIdentity": "me"},
            [("sts:AssumeRole", "r"), ("sts:TagSession", "r"), ("sts:SetSourceIdentity", "r")],
        ),
        ("iam", "GetRole", {"RoleName": "r"}, [("iam:GetRole", "arn:aws:iam::000000000000:role/r")]),
        ("glue", "GetTable", {"Name": "t"}, [("glue:GetTable", "*")]),
    ],
)  # fmt: skip
def test_calls(service: str, operation: str, parameters: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert pairs(service, operation, **parameters) == expected


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "key", "value"),
    [
        ("s3", "ListObjectsV2", {"Bucket": "films", "Prefix": "a/"}, "s3:prefix", "a/"),
        ("s3", "PutObject", {**KEY, "ServerSideEncryption": "aws:kms"}, "s3:x-amz-server-side-encryption", "aws:kms"),
        ("s3", "UploadPart", KEY, "s3:objectcreationoperation", "false"),
        ("ecs", "RunTask", {"cluster": "c", "taskDefinition": "t"}, "ecs:cluster", f"arn:aws:ecs:{HERE}:cluster/c"),
        ("events", "PutEvents", {"Entries": [{"Source": "a"}]}, "events:source", "a"),
        ("states", "CreateStateMachine", {"roleArn": "r"}, "iam:passedtoservice", "states.amazonaws.com"),
        ("sts", "AssumeRole", {"RoleArn": "r", "ExternalId": "x"}, "sts:externalid", "x"),
        ("sts", "AssumeRole", {"RoleArn": "r", "SourceIdentity": "me"}, "sts:sourceidentity", "me"),
    ],
)
def test_condition_keys(service: str, operation: str, parameters: dict[str, Any], key: str, value: str) -> None:
    call = Call(service, operation, parameters, "000000000000", "us-east-1")
    assert needed(call)[-1].context[key] == (value,)


def test_a_form_is_looked_at_as_it_is_read() -> None:
    """S3 takes the field "key", whatever else is in the form."""
    fields = {"key": "secret/x", "Key": "allowed/x", "KEY": "allowed/y", "acl": "private"}
    request = EnvironBuilder(method="POST", data=fields).get_request()
    assert put_parameters(request) == {"Key": "secret/x", "ACL": "private"}
