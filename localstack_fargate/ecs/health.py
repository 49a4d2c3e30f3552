"""Health checks: a command that is run in a container again and again.

The image's own HEALTHCHECK does not count, as on ECS.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..launchers.base import RunningContainer

LOG = logging.getLogger(__name__)

DEFAULT_INTERVAL = 30
DEFAULT_TIMEOUT = 5
DEFAULT_RETRIES = 3


class HealthCheck:
    """Runs one container's check every ``interval`` seconds, the first time after one, until it is closed.

    ``on_status`` gets HEALTHY or UNHEALTHY whenever that changes: UNHEALTHY after as many failures in a row as
    ``retries`` says, of which those within ``startPeriod`` do not count.
    """

    def __init__(
        self, definition: Mapping[str, Any], running: RunningContainer, on_status: Callable[[str], None]
    ) -> None:
        self._command = _command(definition["command"])
        self._interval = definition.get("interval") or DEFAULT_INTERVAL
        self._timeout = definition.get("timeout") or DEFAULT_TIMEOUT
        self._retries = definition.get("retries") or DEFAULT_RETRIES
        self._failures_count_from = time.monotonic() + (definition.get("startPeriod") or 0)
        self._running = running
        self._on_status = on_status
        self._closed = threading.Event()
        threading.Thread(target=self._check_until_closed, name="fargate-health", daemon=True).start()

    def close(self) -> None:
        """Check no more. Does not wait for a check that is running."""
        self._closed.set()

    def _check_until_closed(self) -> None:
        failures = 0
        status: str | None = None
        while not self._closed.wait(self._interval):
            started = time.monotonic()
            if self._succeeds():
                failures = 0
                found: str | None = "HEALTHY"
            else:
                failures += started >= self._failures_count_from
                found = "UNHEALTHY" if failures >= self._retries else status
            if found and found != status and not self._closed.is_set():
                status = found
                self._on_status(found)

    def _succeeds(self) -> bool:
        try:
            return self._running.run(self._command, self._timeout) == 0
        except Exception:
            LOG.exception("A health check could not be run")
            return False


def _command(command: Sequence[str]) -> list[str]:
    """The command line that a check's ``["CMD", …]`` or ``["CMD-SHELL", …]`` stands for."""
    kind, *rest = command
    return ["/bin/sh", "-c", *rest] if kind == "CMD-SHELL" else rest
