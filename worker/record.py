"""The job record: one JSON object for each job, written so that its end is never overwritten, and nobody goes back."""

import json
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from worker.errors import InternalError, Interrupted, StorageUnavailable, WatermarkError, from_code
from worker.log import rfc3339
from worker.phases import percent
from worker.stopping import shielded
from worker.storage import Conflict, Missing, Storage

QUEUED, RUNNING, SUCCEEDED, FAILED, SUPERSEDED = "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "SUPERSEDED"
TERMINAL = (SUCCEEDED, FAILED, SUPERSEDED)
MULTIPART_UPLOAD = "multipart_upload"
"""The field that names the multipart upload in which a large result goes up, as long as it is not known to be over."""

SECONDS_BETWEEN_PROGRESS = 2.0  # each write is a version that the bucket keeps for a while
BEAT_SECONDS = 4.0  # a record that nothing was written to for so long is written all the same: its worker lives
MAX_CONFLICTS = 5  # each is someone else's write between ours and the look before it
FINAL_ATTEMPTS = 5
MAX_RECORD_BYTES = 256 * 1024

log = logging.getLogger(__name__)


OWNER = ("attempt", "task_arn")  # what says whose record it is, as long as it is not terminal


class Relieved(Exception):
    """This worker has no say in the job any more: it writes and publishes nothing.

    Attributes:
        exit_code: What the process exits with.
    """

    exit_code: int


class AlreadyFinished(Relieved):
    """The record is in a terminal state: whoever put it there has the last word.

    Attributes:
        exit_code: 0 if the job has its result or needs none, else the code of a permanent error, the recorded one if
            it is one of ours. Whoever started the process must not take it for a success.
    """

    def __init__(self, record: dict[str, Any]) -> None:
        state = record["state"]
        error = record.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        recorded = from_code(str(code))
        permanent = InternalError.exit_code if recorded.retryable else recorded.exit_code
        self.exit_code = permanent if state == FAILED else 0
        super().__init__(f"it is {state} already")


class Overtaken(Relieved):
    """Another worker has begun after this one, and the record is that one's."""

    exit_code = Interrupted.exit_code

    def __init__(self, record: dict[str, Any]) -> None:
        super().__init__(f"attempt {record.get('attempt')} has the record, in the task {record.get('task_arn')}")


class JobRecord:
    """The record of one job, as last read or written.

    Attributes:
        fields: The JSON object.
        relieved: What the heartbeat has heard, if this worker has no say any more; None as long as it knows of nothing.
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
        self.relieved: Relieved | None = None
        self._storage, self._key, self._clock, self._sleep = storage, key, clock, sleep
        self._owner = {name: defaults.get(name) for name in OWNER}
        self._is_owned = False
        self._etag: str | None = None
        self._last_progress = -SECONDS_BETWEEN_PROGRESS
        self._last_try = 0.0
        self._lock = threading.RLock()  # for the thread of the heartbeat
        self._ended = threading.Event()

    def start(self, **fields: Any) -> None:
        """Read the record if there is one, and write it with these fields: it is this worker's from now on.

        Raises:
            Relieved: It is terminal, or that of a later attempt.
        """
        with self._lock:
            self._read()
            self.write(**self._owner, **fields)
            self._is_owned = True

    def write(self, **fields: Any) -> None:
        """Write these fields over the record.

        Raises:
            Relieved, StorageUnavailable, AccessDenied
        """
        with self._lock:
            self._last_try = time.monotonic()
            changes = {**fields, "updated_at": _now()}
            self.fields.setdefault("created_at", changes["updated_at"])
            for _ in range(MAX_CONFLICTS):
                self.fields |= changes
                content = json.dumps(self.fields, indent=1, ensure_ascii=False).encode()
                try:
                    self._etag = self._storage.put_json(self._key, content, self._etag)
                except (Conflict, Missing):  # someone else wrote or removed it; If-Match on nothing is a 404
                    self._read()
                else:
                    return
            raise StorageUnavailable("The job record keeps changing under the worker's hands.")

    def progress(self, phase: str, share: float) -> None:
        """Write phase and percentage: a new phase at once, the rest at most every two seconds.

        A failure is logged and otherwise ignored.

        Raises:
            Relieved
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

    @contextmanager
    def beating(
        self, on_relief: Callable[[], None] = lambda: None, seconds: float = BEAT_SECONDS
    ) -> Iterator[None]:  # fmt: skip
        """Within the block, and until the end is written, write the record when it was not for so many seconds.

        A thread does so, whatever the block waits for: a reader sees by `updated_at` whether the worker lives. If the
        worker is relieved the thread ends, and the block hears of it when it writes itself.

        Args:
            on_relief: Called in that thread then, with `relieved` set: the block may wait for something else for long.
        """
        beat = threading.Thread(target=self._beat, args=(seconds, on_relief), name="heartbeat", daemon=True)
        with shielded(signal.SIGALRM):  # which the thread inherits: signals are for the main one
            beat.start()
        try:
            yield
        finally:
            self._ended.set()

    def insist(self, **fields: Any) -> None:
        """Write these fields, again and again if it must be, since they matter.

        Raises:
            Relieved, StorageUnavailable, AccessDenied
        """
        for attempt in range(FINAL_ATTEMPTS):
            try:
                return self.write(**fields)
            except StorageUnavailable:
                if attempt == FINAL_ATTEMPTS - 1:
                    raise
                self._sleep(0.5 * 2**attempt)
        return None

    def finish(self, **fields: Any) -> None:
        """Write the end of an attempt, as `insist` does, and nothing after it.

        Raises:
            Relieved, StorageUnavailable, AccessDenied
        """
        self._ended.set()
        self.insist(**fields)

    def _beat(self, seconds: float, on_relief: Callable[[], None]) -> None:
        while not self._ended.wait(seconds / 8):
            try:
                with self._lock:
                    if not self._ended.is_set() and time.monotonic() - self._last_try >= seconds:
                        self.write()
            except Relieved as relieved:
                self.relieved = relieved
                on_relief()
                return
            except WatermarkError as error:
                log.warning("the heartbeat was not written: %s", error)

    def _read(self) -> None:
        try:
            content, etag = self._storage.read(self._key, MAX_RECORD_BYTES)
        except Missing:
            self._etag = None
            return
        try:
            found = json.loads(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            log.warning("the job record is no JSON object; it is written anew")
            found = {}
        elif found.get("state") in TERMINAL:
            raise AlreadyFinished(found)
        elif self._is_anothers(found):
            raise Overtaken(found)
        self.fields |= found
        self._etag = etag  # only now: whoever is relieved, in whichever thread, must not get a later write through

    def _is_anothers(self, found: dict[str, Any]) -> bool:
        if self._is_owned:
            return any(found.get(name) != value for name, value in self._owner.items())
        attempt = found.get("attempt")
        return isinstance(attempt, int) and attempt > (self._owner["attempt"] or 0)


def _now() -> str:
    return rfc3339(datetime.now(UTC))
