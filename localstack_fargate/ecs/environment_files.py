"""Environment variables that a container is given by files in S3.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/use-environment-file.html
"""

from collections.abc import Mapping, Sequence

from botocore.exceptions import ClientError

from ..launchers.base import ResourceInitializationError
from .execution_role import ExecutionRole
from .sdk_errors import sdk_message

S3_ARN = ":s3:::"


def pull_environment_files(files: Sequence[Mapping[str, str]], role: ExecutionRole) -> dict[str, str]:
    """The variables of all files; of one that is in several the first counts.

    Raises ``ResourceInitializationError`` if a file cannot be had, in AWS's words.
    """
    variables: dict[str, str] = {}
    for file in files:
        variables = parse_environment_file(_download(file["value"], role)) | variables
    return variables


def parse_environment_file(text: str) -> dict[str, str]:
    """The variables of a file with a ``NAME=value`` in each line.

    Nothing in a value is special, neither quotes nor spaces nor a second ``=``. Comments (``#``), lines without a
    ``=`` and, on Fargate, variables with an empty value are left out.
    """
    variables: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name and value and not line.startswith("#"):
            variables.setdefault(name, value)
    return variables


def _download(arn: str, role: ExecutionRole) -> str:
    bucket, _, key = arn.partition(S3_ARN)[2].partition("/")
    client = role.client("s3")
    try:
        body: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        raise ResourceInitializationError(
            f"failed to download env files: service call has been retried 1 time(s): {sdk_message(client, error)}"
        ) from error
    return body.decode("utf-8-sig", "replace")
