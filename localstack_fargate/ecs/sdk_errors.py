"""Errors of AWS's services in the words of the SDK that Fargate's agent is made with: they are in stoppedReason."""

from typing import Any

from botocore.exceptions import ClientError


def sdk_message(client: Any, error: ClientError) -> str:
    """What the agent would say of an error that the (boto3) client has met."""
    model, answer, failed = client.meta.service_model, error.response["ResponseMetadata"], error.response["Error"]
    is_declared = failed["Code"] in {shape.error_code for shape in model.error_shapes}
    return (
        f"operation error {model.service_id}: {error.operation_name}, https response error "
        f"StatusCode: {answer['HTTPStatusCode']}, RequestID: {answer.get('RequestId', '')}, "
        f"{'' if is_declared else 'api error '}{failed['Code']}: {failed['Message']}"
    )
