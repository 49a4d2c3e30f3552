"""S3, most of whose operations have other names than their actions.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from localstack.services.s3.utils import extract_bucket_key_version_id_from_copy_source

from .call import Call, Permission, texts

# Operations on an object → the action, and the one on a version of it if that differs.
OBJECT_ACTIONS: Mapping[str, tuple[str, str]] = {
    "AbortMultipartUpload": ("AbortMultipartUpload", ""),
    "CompleteMultipartUpload": ("PutObject", ""),
    "CopyObject": ("PutObject", ""),
    "CreateMultipartUpload": ("PutObject", ""),
    "DeleteObject": ("DeleteObject", "DeleteObjectVersion"),
    "DeleteObjectTagging": ("DeleteObjectTagging", "DeleteObjectVersionTagging"),
    "GetObject": ("GetObject", "GetObjectVersion"),
    "GetObjectAcl": ("GetObjectAcl", "GetObjectVersionAcl"),
    "GetObjectAttributes": ("GetObjectAttributes", "GetObjectVersionAttributes"),
    "GetObjectLegalHold": ("GetObjectLegalHold", ""),
    "GetObjectRetention": ("GetObjectRetention", ""),
    "GetObjectTagging": ("GetObjectTagging", "GetObjectVersionTagging"),
    "GetObjectTorrent": ("GetObjectTorrent", "GetObjectVersionTorrent"),
    "HeadObject": ("GetObject", "GetObjectVersion"),
    "ListParts": ("ListMultipartUploadParts", ""),
    "PutObject": ("PutObject", ""),
    "PutObjectAcl": ("PutObjectAcl", "PutObjectVersionAcl"),
    "PutObjectLegalHold": ("PutObjectLegalHold", ""),
    "PutObjectRetention": ("PutObjectRetention", ""),
    "PutObjectTagging": ("PutObjectTagging", "PutObjectVersionTagging"),
    "RestoreObject": ("RestoreObject", ""),
    "SelectObjectContent": ("GetObject", ""),
    "UploadPart": ("PutObject", ""),
    "UploadPartCopy": ("PutObject", ""),
}
# Operations on a bucket whose action has another name.
BUCKET_ACTIONS: Mapping[str, str] = {
    "DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "DeleteBucketInventoryConfiguration": "PutInventoryConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
    "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "PutBucketInventoryConfiguration": "PutInventoryConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketMetricsConfiguration": "PutMetricsConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
CONDITION_KEYS: Mapping[str, str] = {
    "s3:delimiter": "Delimiter",
    "s3:if-match": "IfMatch",
    "s3:if-none-match": "IfNoneMatch",
    "s3:max-keys": "MaxKeys",
    "s3:prefix": "Prefix",
    "s3:versionid": "VersionId",
    "s3:x-amz-acl": "ACL",
    "s3:x-amz-copy-source": "CopySource",
    "s3:x-amz-metadata-directive": "MetadataDirective",
    "s3:x-amz-server-side-encryption": "ServerSideEncryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "s3:x-amz-storage-class": "StorageClass",
    "s3:x-amz-website-redirect-location": "WebsiteRedirectLocation",
}
UPLOADS = ("CreateMultipartUpload", "UploadPart", "UploadPartCopy")
# What comes with a new object, and needs a permission of its own.
WITH_OBJECT: Mapping[str, str] = {
    "ACL": "PutObjectAcl",
    "GrantFullControl": "PutObjectAcl",
    "GrantRead": "PutObjectAcl",
    "Tagging": "PutObjectTagging",
    "ObjectLockMode": "PutObjectRetention",
    "ObjectLockLegalHoldStatus": "PutObjectLegalHold",
}


def permissions(call: Call) -> Iterator[Permission]:
    """What the call needs."""
    bucket, key = call.parameters.get("Bucket"), call.parameters.get("Key")
    if not bucket:
        yield Permission("s3:ListAllMyBuckets" if call.operation == "ListBuckets" else f"s3:{call.operation}")
        return
    context = texts({name: call.parameters.get(parameter) for name, parameter in CONDITION_KEYS.items()})
    if call.operation == "DeleteObjects":
        for each in (call.parameters.get("Delete") or {}).get("Objects") or ():
            action = "s3:DeleteObjectVersion" if each.get("VersionId") else "s3:DeleteObject"
            yield Permission(action, object_arn(call, bucket, each["Key"]), context)
    elif call.operation in OBJECT_ACTIONS:
        yield from _of_object(call, object_arn(call, bucket, key), context)
    else:
        action = BUCKET_ACTIONS.get(call.operation, call.operation)
        yield Permission(f"s3:{action}", bucket_arn(call, bucket), context)


def bucket_arn(call: Call, bucket: str) -> str:
    """The ARN of a bucket, which names neither account nor region."""
    return bucket if bucket.startswith("arn:") else f"arn:{call.partition}:s3:::{bucket}"


def object_arn(call: Call, bucket: str, key: Any) -> str:
    """The ARN of an object."""
    return f"{bucket_arn(call, bucket)}/{key}"


def copy_source(given: str) -> tuple[str, str, str | None]:
    """Bucket, key and version of what is copied, as LocalStack's S3 reads them: what is checked is what it copies."""
    bucket, key, version = extract_bucket_key_version_id_from_copy_source(given)
    return bucket, key, version


def _of_object(call: Call, arn: str, context: dict[str, tuple[str, ...]]) -> Iterator[Permission]:
    plain, of_version = OBJECT_ACTIONS[call.operation]
    action = of_version if of_version and call.parameters.get("VersionId") else plain
    if call.operation in UPLOADS:
        context = {**context, "s3:objectcreationoperation": ("false",)}
    elif action == "PutObject":
        context = {**context, "s3:objectcreationoperation": ("true",)}
    yield Permission(f"s3:{action}", arn, context)
    if call.operation == "GetObjectAttributes":
        yield Permission("s3:GetObjectVersion" if action == of_version else "s3:GetObject", arn, context)
    if call.parameters.get("IfMatch") and plain in ("PutObject", "DeleteObject"):
        yield Permission("s3:GetObject", arn, context)  # S3 has to look at what is there, in the caller's name
    if call.operation in ("CopyObject", "UploadPartCopy"):
        yield from _of_source(call, context)
    if plain == "PutObject":
        extras = {action for parameter, action in WITH_OBJECT.items() if call.parameters.get(parameter)}
        yield from (Permission(f"s3:{extra}", arn, context) for extra in sorted(extras))


def _of_source(call: Call, context: dict[str, tuple[str, ...]]) -> Iterator[Permission]:
    bucket, key, version = copy_source(call.parameters["CopySource"])
    yield Permission("s3:GetObjectVersion" if version else "s3:GetObject", object_arn(call, bucket, key), context)
