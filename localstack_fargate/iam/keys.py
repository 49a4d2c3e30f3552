"""Keys of KMS, which S3, SNS and SQS use in the name of whoever calls them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localstack.services.s3.models import S3Bucket, s3_stores
from localstack.services.sns.models import sns_stores
from localstack.services.sqs.models import sqs_stores

from .actions import Call, Permission, needed
from .actions.kms import key_arn
from .actions.s3 import copy_source
from .principals import OF_ALL_REGIONS
from .resources import bucket_owner

BY_KMS = "aws:kms"
OF_AWS = "alias/aws/"  # keys that anybody may use who may use the service
READ, WRITE = "kms:Decrypt", "kms:GenerateDataKey"


def key_permissions(call: Call) -> Iterator[Permission]:
    """What a call needs of a key besides what it needs of its service."""
    if call.service not in FINDERS or call.operation not in ACTIONS:
        return
    context = {
        "kms:viaservice": (f"{call.service}.{call.region}.amazonaws.com",),
        "kms:calleraccount": (call.account,),
    }
    source = call.parameters.get("CopySource")
    of_source = _of_stored(*copy_source(source)) if source else None
    for name, actions in ((of_source, (READ,)), (FINDERS[call.service](call), ACTIONS[call.operation])):
        if key := _key_arn(name, call):
            yield from (Permission(action, key, context) for action in actions)


def _of_object(call: Call) -> str | None:
    """The key of the object that is read, or the one that a new object gets."""
    name = str(call.parameters.get("Bucket"))
    if call.operation == "GetObject":
        return _of_stored(name, call.parameters["Key"], call.parameters.get("VersionId"))
    bucket = _bucket(name)
    if bucket is None:
        return None
    if upload_id := call.parameters.get("UploadId"):
        upload = bucket.multiparts.get(upload_id)
        return _kms_key(upload.object) if upload else None
    if asked := call.parameters.get("ServerSideEncryption"):
        return call.parameters.get("SSEKMSKeyId") if asked == BY_KMS else None
    return _default_key(bucket)


def _of_stored(bucket_name: str, key: str, version: str | None) -> str | None:
    """The key of an object that is there."""
    bucket = _bucket(bucket_name)
    if bucket is None:
        return None
    versions = (version,) if version and bucket.versioning_status is not None else ()
    return _kms_key(bucket.objects.get(key, *versions))


def _bucket(name: str) -> S3Bucket | None:
    owner = bucket_owner(name)
    return s3_stores[owner][OF_ALL_REGIONS].buckets.get(name) if owner else None


def _kms_key(found: Any) -> str | None:
    return found.kms_key_id if getattr(found, "encryption", None) == BY_KMS else None


def _default_key(bucket: S3Bucket) -> str | None:
    default: Mapping[str, str] = (bucket.encryption_rule or {}).get("ApplyServerSideEncryptionByDefault") or {}
    return default.get("KMSMasterKeyID") if default.get("SSEAlgorithm") == BY_KMS else None


def _of_topic(call: Call) -> str | None:
    arn, region, account, _ = _resource(call)
    topic = sns_stores[account][region].topics.get(arn)
    return topic["attributes"].get("KmsMasterKeyId") if topic else None


def _of_queue(call: Call) -> str | None:
    _, region, account, name = _resource(call)
    queue = sqs_stores[account][region].queues.get(name)
    return queue.attributes.get("KmsMasterKeyId") if queue else None


def _resource(call: Call) -> tuple[str, str, str, str]:
    """ARN, region, account and name of the one resource that the call is about."""
    [permission] = needed(call)
    parts = permission.resource.split(":", 5)
    region, account, name = parts[3:] if len(parts) == 6 else (call.region, call.account, "")
    return permission.resource, region, account, name


def _key_arn(key: str | None, call: Call) -> str | None:
    """The ARN of a key that is given by its ARN, id or alias; None for none of one's own."""
    if not key or OF_AWS in key:
        return None
    return key_arn(call, key)


# A part, and the whole of them, are encrypted with the key that the upload began with: it has to be read first.
ACTIONS: Mapping[str, tuple[str, ...]] = {
    "CompleteMultipartUpload": (READ,),
    "CopyObject": (WRITE,),
    "CreateMultipartUpload": (WRITE,),
    "GetObject": (READ,),
    "PutObject": (WRITE,),
    "UploadPart": (WRITE, READ),
    "UploadPartCopy": (WRITE, READ),
    "Publish": (WRITE, READ),
    "PublishBatch": (WRITE, READ),
    "ReceiveMessage": (READ,),
    "SendMessage": (WRITE, READ),
    "SendMessageBatch": (WRITE, READ),
}
FINDERS: Mapping[str, Callable[[Call], str | None]] = {"s3": _of_object, "sns": _of_topic, "sqs": _of_queue}
