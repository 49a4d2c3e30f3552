"""The ECS task that the worker runs in, as ECS's metadata endpoint describes it."""

import json
import logging
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

METADATA_TIMEOUT_SECONDS = 2

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """One task; a member is None if the endpoint does not tell.

    Attributes:
        vcpus: What all its containers may use together.
        memory_mb: The same, in MB as ECS counts them: 1,048,576 bytes.
    """

    arn: str | None = None
    vcpus: float | None = None
    memory_mb: int | None = None

    def as_record(self) -> dict[str, float | int | None] | None:
        """Return the `task` field of a job record."""
        if self.vcpus is None and self.memory_mb is None:
            return None
        return {"vcpu": self.vcpus, "memory_mb": self.memory_mb}


def describe_task(metadata_uri: str | None, opener: Callable[..., Any] = urllib.request.urlopen) -> Task:
    """Return the task this runs in; nothing is known of it outside of ECS, or if the endpoint does not answer.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
    """
    if metadata_uri is None:
        return Task()
    try:
        with opener(f"{metadata_uri}/task", timeout=METADATA_TIMEOUT_SECONDS) as answer:
            document = json.load(answer)
    except (OSError, ValueError) as error:
        log.info("the task metadata endpoint did not answer: %s", error)
        return Task()
    if not isinstance(document, dict):
        return Task()
    limits = document.get("Limits")
    vcpus, memory = (limits.get("CPU"), limits.get("Memory")) if isinstance(limits, dict) else (None, None)
    arn = document.get("TaskARN")
    return Task(
        arn=arn if isinstance(arn, str) else None,
        vcpus=float(vcpus) if isinstance(vcpus, int | float) and vcpus > 0 else None,
        memory_mb=int(memory) if isinstance(memory, int | float) and memory > 0 else None,
    )
