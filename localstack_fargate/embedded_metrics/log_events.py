"""Makes metrics of the log events that hold some, as CloudWatch Logs does; LocalStack's own only keeps them.

What comes from Lambda functions, from tasks and from PutLogEvents itself is treated alike.
"""

import functools
import inspect
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to
from localstack.services.logs.provider import LogsProvider

from .format import InvalidFormatError, claims_metrics, read_metrics

LOG = logging.getLogger(__name__)

KNOWN_PARAMETERS = (
    "self", "context", "log_group_name", "log_stream_name", "log_events", "sequence_token", "entity", "kwargs",
)  # fmt: skip
MAX_DATA = 1000  # PutMetricData's


def install() -> None:
    """Have LocalStack's PutLogEvents look for metrics, if it still is as we know it; else say so and leave it alone."""
    original = LogsProvider.put_log_events
    found = tuple(inspect.signature(original).parameters)
    if found != KNOWN_PARAMETERS:
        LOG.error("Log events will NOT become metrics: this LocalStack's put_log_events takes %s", found)
        return

    @functools.wraps(original)
    def put_log_events(self: Any, context: Any, **request: Any) -> Any:
        answer = original(self, context, **request)
        publish(context.account_id, context.region, [event["message"] for event in request["log_events"]])
        return answer

    LogsProvider.put_log_events = put_log_events


def publish(account_id: str, region: str, messages: Sequence[str]) -> None:
    """Put the metrics of those messages that hold some; one that is not as the format wants it is passed over."""
    for message in filter(claims_metrics, messages):
        try:
            metrics = read_metrics(message)
        except InvalidFormatError as error:
            LOG.warning("A log event's embedded metrics are invalid: %s", error)
            continue
        try:
            _put(account_id, region, metrics)
        except ClientError as error:  # the log has it, whatever becomes of the metrics
            LOG.warning("A log event's embedded metrics were not stored: %s", error)


def _put(account_id: str, region: str, metrics: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    cloudwatch = connect_to(aws_access_key_id=account_id, region_name=region).cloudwatch
    for namespace, data in metrics.items():
        for start in range(0, len(data), MAX_DATA):
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[start : start + MAX_DATA])
