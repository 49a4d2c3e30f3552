"""The size of a task's disk on Fargate."""

from collections.abc import Mapping
from typing import Any

from ..exceptions import EcsException

MIN_GIB = 21  # 20 are there without asking
MAX_GIB = 200


def check_ephemeral_storage(storage: Mapping[str, Any] | None, error: type[EcsException]) -> None:
    """Raise ``error`` if a size is given that Fargate does not have."""
    if not storage:
        return
    size = storage.get("sizeInGiB") or 0
    if size < MIN_GIB:
        raise error(f"EphemeralStorage size should be at least {MIN_GIB}")
    if size > MAX_GIB:
        raise error(f"EphemeralStorage size should be at most {MAX_GIB}")
