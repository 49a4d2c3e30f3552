"""SQS and SNS.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
"""

from collections.abc import Iterator

from localstack.services.sqs.utils import parse_queue_url

from .call import ANY, Call, Permission, texts

BATCH = "Batch"  # an operation for several messages needs what the one for a single message does
TOPIC_PARAMETERS = ("TopicArn", "TargetArn", "ResourceArn", "SubscriptionArn", "PlatformApplicationArn", "EndpointArn")


def sqs(call: Call) -> Iterator[Permission]:
    """What a call of SQS needs."""
    yield Permission(f"sqs:{call.operation.removesuffix(BATCH)}", _queue(call))


def sns(call: Call) -> Iterator[Permission]:
    """What a call of SNS needs. A text message to a telephone has no resource."""
    parameters = (str(call.parameters[name]) for name in TOPIC_PARAMETERS if call.parameters.get(name))
    arn = next(parameters, None)
    if not arn and call.operation == "CreateTopic":
        arn = call.arn(str(call.parameters.get("Name")))
    if call.operation == "Unsubscribe" and arn:
        arn = arn.rpartition(":")[0]  # a subscription's is the topic's with an id
    context = texts({f"sns:{name.lower()}": call.parameters.get(name) for name in ("Protocol", "Endpoint")})
    yield Permission(f"sns:{call.operation.removesuffix(BATCH)}", arn or ANY, context)


def _queue(call: Call) -> str:
    if url := call.parameters.get("QueueUrl"):
        try:
            account, region, name = parse_queue_url(str(url))
        except ValueError:  # SQS takes it for a name
            return call.arn(str(url))
        return f"arn:{call.partition}:sqs:{region or call.region}:{account}:{name}"
    if queue := call.parameters.get("QueueName"):
        return call.arn(str(queue))
    return str(call.parameters.get("SourceArn") or ANY)
