"""The event of a job whose execution was stopped and so could not send it."""

import json
from typing import Any

SOURCE = "video-batch-processing"
DETAIL_TYPE = "Video Job Finished"
TELLING_STATE = "TellOfTheEnd"  # the state machine's own

TERMINAL_STATES = ("SUCCEEDED", "FAILED", "SUPERSEDED")


class EventNotSent(RuntimeError):
    """EventBridge has refused the event; raised so that Lambda tries again."""


def tell(stepfunctions: Any, s3: Any, events: Any, execution_arn: str, bucket: str, job_prefix: str) -> str:
    """Send the event that the execution would have sent: if its job has an end, and unless it has sent it already.

    Returns:
        What was done, for the log.

    Raises:
        EventNotSent
    """
    if _has_told(stepfunctions, execution_arn):
        return "the execution has told of the end itself"
    execution = stepfunctions.describe_execution(executionArn=execution_arn)
    key = f"{job_prefix}{json.loads(execution['input'])['job_id']}.json"
    record = json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])
    if record["state"] not in TERMINAL_STATES:
        return f"the job has no end: its record says {record['state']}"
    entry = {
        "Source": SOURCE,
        "DetailType": DETAIL_TYPE,
        "Detail": json.dumps(record, ensure_ascii=False),
        "Resources": [execution["stateMachineArn"], execution_arn],
    }
    answer = events.put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise EventNotSent(json.dumps(answer["Entries"]))
    return f"told of the end: {record['state']}"


def _has_told(stepfunctions: Any, execution_arn: str) -> bool:
    pages = stepfunctions.get_paginator("get_execution_history").paginate(
        executionArn=execution_arn, includeExecutionData=False
    )
    left = (event.get("stateExitedEventDetails", {}).get("name") for page in pages for event in page["events"])
    return TELLING_STATE in left
