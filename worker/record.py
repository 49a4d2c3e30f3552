"""The job record: one JSON object for each job, written so that its end is never overwritten."""

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from worker.errors import InternalError, StorageUnavailable, WatermarkError, from_code
from worker.log import rfc3339
from worker.phases import percent
from worker.storage import Conflict, Missing, Storage

QUEUED, RUNNING, SUCCEEDED, FAILED, SUPERSEDED = "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "SUPERSEDED"
TERMINAL = (SUCCEEDED, FAILED, SUPERSEDED)

SECONDS_BETWEEN_PROGRESS = 2.0  # each write is a version that the bucket keeps for a while
MAX_CONFLICTS = 5  # each is someone else's write between ours and the look before it
FINAL_ATTEMPTS = 5
MAX_RECORD_BYTES = 256 * 1024

log = logging.getLogger(__name__)


class AlreadyFinished(Exception):
    """The record is in a terminal state: whoever put it there has the last word.

    Attributes:
        state: That state.
        exit_code: What the process exits with: 0 if the job has its result or needs none, else the code of a permanent
            error, the recorded one if it is one of ours. Whoever started the process must not take it for a success.
    """

    def __init__(self, record: dict[str, Any]) -> None:
        self.state: str = record["state"]
        error = record.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        recorded = from_code(str(code))
        permanent = InternalError.exit_code if recorded.retryable else recorded.exit_code
        self.exit_code = permanent if self.state == FAILED else 0
        super().__init__(self.state)


class JobRecord:
    """The record of one job, as last read or written.

    Attributes:
        fields: The JSON object.
    """

    def __init__(
        self,
        storage: Storage,
        key: str,
        defaults: dict[str, Any],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.fields: dict[str, Any] = defaults
        self._storage, self._key, self._clock, self._sleep = storage, key, clock, sleep
        self._etag: str | None = None
        self._last_progress = -SECONDS_BETWEEN_PROGRESS

    def start(self, **fields: Any) -> None:
        """Read the record if there is one, and write it with these fields.

        Raises:
            AlreadyFinished
        """
        now = _now()
        self._read()
        self.fields = {"created_at": now, **self.fields}
        self.write(**fields)

    def write(self, **fields: Any) -> None:
        """Write these fields over the record.

        Raises:
            AlreadyFinished, StorageUnavailable, AccessDenied
        """
        changes = {**fields, "updated_at": _now()}
        for _ in range(MAX_CONFLICTS):
            self.fields |= changes
            content = json.dumps(self.fields, indent=1, ensure_ascii=False).encode()
            try:
                self._etag = self._storage.put_json(self._key, content, self._etag)
            except (Conflict, Missing):  # someone else wrote or removed it; S3 answers If-Match on nothing with a 404
                self._read()
            else:
                return
        raise StorageUnavailable("The job record keeps changing under the worker's hands.")

    def progress(self, phase: str, share: float) -> None:
        """Write phase and percentage: a new phase at once, the rest at most every two seconds.

        A failure is logged and otherwise ignored.

        Raises:
            AlreadyFinished
        """
        if self._clock() - self._last_progress < SECONDS_BETWEEN_PROGRESS and phase == self.fields.get("phase"):
            return
        if phase != self.fields.get("phase"):
            log.info("%s", phase.lower())
        try:
            self.write(phase=phase, percent=round(percent(phase, share), 1))
        except WatermarkError as error:
            log.warning("progress was not written: %s", error)
        self._last_progress = self._clock()

    def finish(self, **fields: Any) -> None:
        """Write the end of an attempt; tried again and again, since it matters.

        Raises:
            AlreadyFinished, StorageUnavailable, AccessDenied
        """
        for attempt in range(FINAL_ATTEMPTS):
            try:
                return self.write(**fields)
            except StorageUnavailable:
                if attempt == FINAL_ATTEMPTS - 1:
                    raise
                self._sleep(0.5 * 2**attempt)
        return None

    def _read(self) -> None:
        try:
            content, etag = self._storage.read(self._key, MAX_RECORD_BYTES)
        except Missing:
            self._etag = None
            return
        self._etag = etag
        try:
            found = json.loads(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            log.warning("the job record is no JSON object; it is written anew")
            return
        if found.get("state") in TERMINAL:
            raise AlreadyFinished(found)
        self.fields |= found


def _now() -> str:
    return rfc3339(datetime.now(UTC))
