"""A key that is not there: S3 tells so only those who may list the bucket, and is as silent to others as of any other.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from typing import Any

from .actions import Call, Permission
from .actions.s3 import bucket_arn, copy_source

NOT_THERE = "NoSuchKey"


def missing_key_permission(call: Call, error: Any) -> Permission | None:
    """What the caller must be allowed to hear of this error of S3's; None if anybody may."""
    bucket = call.parameters.get("Bucket")
    if getattr(error, "code", None) != NOT_THERE or not bucket:
        return None
    if source := call.parameters.get("CopySource"):
        bucket, _, _ = copy_source(source)
    return Permission("s3:ListBucket", bucket_arn(call, bucket))
