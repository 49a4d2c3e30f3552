"""What resources let in: by their own policies, by their keys, and services for themselves."""

import json
from collections.abc import Callable
from typing import Any

from localstack_fargate.tests.iam_kit import ACCOUNT, HERE, Role, allow, denials, deny, document, refused, row
from localstack_fargate.tests.kit import REGION, poll, random_name


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
