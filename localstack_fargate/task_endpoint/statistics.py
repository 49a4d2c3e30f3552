"""What a container uses, with what it used when it was last asked: rates can be told from the two."""

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..ecs.models import Container


class Statistics:
    """Answers with Docker's statistics of a container, and remembers them for its next answer."""

    def __init__(self) -> None:
        self._last: dict[str, Mapping[str, Any]] = {}
        self._lock = threading.Lock()

    def read(self, container: Container) -> dict[str, Any] | None:
        """Docker's statistics and AWS's ``network_rate_stats``; None if the container does not run or nobody counts."""
        running = container.running  # once, for the task may end meanwhile
        present = running.statistics() if running else None
        if present is None:
            return None
        with self._lock:
            last = self._last.get(container.runtime_id)
            self._last[container.runtime_id] = present
        answer = {**present, "name": container.name, "id": container.runtime_id}
        if last is not None:
            answer["preread"] = last["read"]
            answer["precpu_stats"] = last["cpu_stats"]
            if rates := _network_rates(last, present):
                answer["network_rate_stats"] = rates
        return answer

    def forget(self, container: Container) -> None:
        """Its task has ended."""
        with self._lock:
            self._last.pop(container.runtime_id, None)


def _network_rates(last: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, float] | None:
    """Bytes a second, over all networks."""
    seconds = (_time(present["read"]) - _time(last["read"])).total_seconds()
    if seconds <= 0 or "networks" not in present or "networks" not in last:
        return None
    return {
        f"{name}_per_sec": (_sum(present["networks"], name) - _sum(last["networks"], name)) / seconds
        for name in ("rx_bytes", "tx_bytes")
    }


def _sum(networks: Mapping[str, Mapping[str, int]], name: str) -> int:
    return sum(network[name] for network in networks.values())


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
