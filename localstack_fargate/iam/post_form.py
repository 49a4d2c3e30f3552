"""An upload by a web page's form, whose fields are what an upload by PutObject has in its headers.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html
"""

from collections.abc import Mapping
from typing import Any

OPERATION = "PostObject"
# PutObject's parameter → the field, spelled as LocalStack reads it: of a form with "key" and "Key" it takes "key".
FIELDS: Mapping[str, str] = {
    "ACL": "acl",
    "Key": "key",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "StorageClass": "x-amz-storage-class",
    "Tagging": "tagging",
    "WebsiteRedirectLocation": "x-amz-website-redirect-location",
}
CREDENTIALS = ("x-amz-credential", "awsaccesskeyid")
FILE_NAME = "${filename}"


def put_parameters(request: Any) -> dict[str, str]:
    """What an upload by PutObject would say; the key may have the name of the uploaded file in it."""
    found = {parameter: str(request.form[field]) for parameter, field in FIELDS.items() if request.form.get(field)}
    file = request.files.get("file")
    if file is not None and "Key" in found:
        found["Key"] = found["Key"].replace(FILE_NAME, file.filename or "")
    return found


def access_key(request: Any) -> str | None:
    """The access key of whoever has signed the form; None if nobody has."""
    fields = {name.lower(): str(value) for name, value in request.form.items()}
    return next((fields[field].partition("/")[0] for field in CREDENTIALS if fields.get(field)), None)
