"""One job from its record's RUNNING to its end: fetch, probe, encode, verify, publish."""

import errno
import logging
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from worker import record as records
from worker.deadline import Deadline
from worker.errors import DiskFull, InternalError, Interrupted, SourceGone, TaskTooSmall, WatermarkError
from worker.phases import FETCHING, PUBLISHING
from worker.publish import Published, Superseded, find_published, publish, require_newest
from worker.record import MULTIPART_UPLOAD, JobRecord, Relieved
from worker.resources import available
from worker.sandbox import EngineResult, run_engine
from worker.selection import choose_profile, choose_watermark, fetch_images
from worker.settings import Settings
from worker.sizing import require_enough_cpu
from worker.stopping import StopRequested, heeded, shielded
from worker.storage import Missing, ObjectInfo, Storage
from worker.task import describe_task

# The source and a result that maxrate keeps below 1.5 times of it, and some air.
DISK_PER_SOURCE_BYTE = 2.6
DISK_AT_LEAST = 16 * 1024 * 1024
MEGABYTE = 1_000_000

log = logging.getLogger(__name__)


class Job:
    """One attempt at one job."""

    def __init__(
        self,
        settings: Settings,
        storage: Storage,
        temporary: Path | None = None,
        on_end: Callable[[], None] = lambda: None,
        on_relief: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare an attempt.

        Args:
            temporary: The folder in which the job's private one is made.
            on_end: Called once the end of the attempt is in the record, or is somebody else's, with signals held back:
                the exit code is settled, and a signal that came meanwhile must not make another one of it.
            on_relief: Called in another thread when this attempt has no say any more: it shall stop the main one.
        """
        self._settings, self._storage, self._temporary = settings, storage, temporary
        self._on_end, self._on_relief = on_end, on_relief
        self._task = describe_task(settings.ecs_metadata_uri)
        self._resources = available(self._task)
        self._deadline = Deadline(self._resources.cpus)
        self._timings: dict[str, float] = {}
        self._notes: list[str] = []
        self._render: dict[str, Any] | None = None
        self._codec: str | None = None  # stays unknown where an earlier attempt has published the output
        self._memory: dict[str, int] | None = None
        self._uploads: dict[str, None] = {}  # what the end has to say of them
        self._record = JobRecord(
            storage,
            settings.record_key,
            {
                "job_id": settings.job_id,
                "state": records.QUEUED,
                "phase": None,
                "percent": 0,
                "publishing": False,
                "source": {
                    "key": settings.source_key,
                    "version_id": settings.source_version_id,
                    "etag": settings.source_etag,
                },
                "attempt": settings.attempt,
                "task_arn": self._task.arn,
            },
        )

    def run(self) -> int:
        """Do the job and return the exit code: 0 if it has its result or needs none, else the error's own."""
        try:
            return self._attempt()
        except Relieved as relieved:
            self._on_end()
            log.info("nothing is left to do in this job: %s", relieved)
            return relieved.exit_code

    def _attempt(self) -> int:
        try:
            with heeded():
                return self._run()
        except Relieved:
            raise
        except StopRequested as stopped:
            if self._record.relieved is not None:
                raise self._record.relieved from stopped
            return self._fail(Interrupted())
        except WatermarkError as error:
            return self._fail(error)
        except OSError as error:
            return self._fail(DiskFull() if error.errno == errno.ENOSPC else _unforeseen(error))
        except Exception as error:
            return self._fail(_unforeseen(error))

    def _run(self) -> int:
        try:
            self._start()
            with self._record.beating(self._on_relief):
                self._abort_stale_upload()
                published = find_published(self._storage, self._settings)
                if published is not None:
                    log.info("an earlier attempt has published the output already")
                else:
                    published = self._make()
            self._succeed(published)
        except Superseded:
            log.info("a newer upload of the same key exists: nothing is published")
            self._finish(state=records.SUPERSEDED, error=None, timings=self._timings)
        return 0

    def _start(self) -> None:
        log.info("attempt %d begins", self._settings.attempt)
        self._record.start(
            state=records.RUNNING,
            phase=FETCHING,
            percent=0,
            error=None,
            watermark=None,
            profile=None,
            codec=None,
            output=None,
            timings={},
            notes=[],
            render=None,
            memory=None,
            task=self._task.as_record(),
        )

    def _abort_stale_upload(self) -> None:
        """Abort the multipart upload of an attempt that was killed: nobody else knows of it, and its parts cost."""
        stale = self._record.fields.get(MULTIPART_UPLOAD)
        if stale is None:
            return
        try:
            self._storage.abort_upload(self._settings.output_key, stale)
        except WatermarkError as error:  # the bucket's lifecycle rule is the second net
            log.warning("an earlier attempt's upload was not aborted: %s", error)
        else:
            self._note_upload(None)

    def _note_upload(self, upload: str | None) -> None:
        """Have the record name a multipart upload at once, or say with the attempt's end that there is none."""
        if upload is None:
            self._uploads = {MULTIPART_UPLOAD: None}
        else:
            self._uploads = {}
            self._record.insist(**{MULTIPART_UPLOAD: upload})

    def _make(self) -> Published:
        newest = require_newest(self._storage, self._settings)
        with _private_folder(self._temporary) as folder:
            source = folder / "source"
            with self._timed(FETCHING):
                chosen = choose_watermark(self._storage, self._settings, newest.metadata)
                profile = choose_profile(self._settings, newest.metadata)
                source_size = self._record.fields["source"] | {"size": newest.size}
                self._record.write(watermark=chosen.name, profile=profile, source=source_size)
                images = fetch_images(self._storage, self._settings, chosen, folder)
                self._fetch(newest, source)
            with source.open("rb") as file:
                result = run_engine(
                    file,
                    folder / "result.mp4",
                    chosen.document,
                    chosen.name,
                    images,
                    self._progress,
                    self._resources,
                    profile,
                    measured=self._measured,
                )
            self._timings |= result.timings
            return self._publish(folder / "result.mp4", result)

    def _fetch(self, newest: ObjectInfo, path: Path) -> None:
        settings = self._settings
        self._deadline.allow_for_bytes(newest.size)
        needed = int(newest.size * DISK_PER_SOURCE_BYTE) + DISK_AT_LEAST
        free = shutil.disk_usage(path.parent).free
        if free < needed:
            raise DiskFull(
                f"The job needs {needed / MEGABYTE:.0f} MB of disk for a video of {newest.size / MEGABYTE:.0f} MB, "
                f"but {free / MEGABYTE:.0f} MB are free."
            )
        try:
            self._storage.download(
                settings.source_key,
                settings.source_version_id,
                settings.source_etag,
                path,
                lambda received: self._progress(FETCHING, received / max(1, newest.size)),
            )
        except Missing as error:  # deleted or replaced in this very moment
            require_newest(self._storage, settings)
            raise SourceGone(f"The uploaded version of {settings.source_key} no longer exists.") from error

    def _publish(self, path: Path, result: EngineResult) -> Published:
        self._notes, self._render = result.notes, result.render
        self._codec, self._memory = result.codec, result.memory
        with self._timed(PUBLISHING):
            self._record.progress(PUBLISHING, 0)
            return publish(
                self._storage,
                self._settings,
                path,
                result.duration,
                lambda share: self._record.progress(PUBLISHING, share),  # a result that is there is late, but not lost
                self._claim,
                self._note_upload,
            )

    def _claim(self) -> None:
        # Whoever cancels does so by a conditional write too, and not any more after this one: either of us is first.
        self._record.insist(publishing=True)

    def _progress(self, phase: str, share: float) -> None:
        self._deadline.check()
        self._record.progress(phase, share)

    def _measured(self, duration: float, pixels: float) -> None:
        settings = self._settings
        self._deadline.allow_for_picture(duration, pixels)
        require_enough_cpu(self._task, pixels, settings.task_timeout_seconds, settings.max_task_memory)

    def _succeed(self, published: Published) -> None:
        output = {"key": self._settings.output_key, "size": published.size, "duration": published.duration}
        self._finish(
            state=records.SUCCEEDED,
            percent=100,
            output=output,
            error=None,
            notes=self._notes,
            codec=self._codec,
            render=self._render,
            memory=self._memory,
            timings=self._timings,
            **{MULTIPART_UPLOAD: None},
        )
        log.info("the job succeeded", extra={"output": output, "timings": self._timings, "notes": self._notes})

    def _fail(self, error: WatermarkError) -> int:
        """Put the error into the record; the process exits with its code even if that fails.

        Raises:
            Relieved
        """
        log.error("%s", error, extra={"error": error.as_record(), "detail": "\n".join(getattr(error, "__notes__", []))})
        # What another attempt or a larger task may mend is for the state machine to end.
        state = records.RUNNING if error.retryable or isinstance(error, TaskTooSmall) else records.FAILED
        try:
            self._finish(
                state=state,
                error=error.as_record(),
                timings=self._timings,
                attempt=self._settings.attempt,
                task_arn=self._task.arn,
            )
        except WatermarkError as failure:
            log.error("the error was not written to the record: %s", failure)
        return error.exit_code

    def _finish(self, **fields: Any) -> None:
        with shielded():
            try:
                self._record.finish(**{**self._uploads, **fields})
            finally:
                self._on_end()

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._timings[phase] = round(time.monotonic() - started, 3)


@contextmanager
def _private_folder(parent: Path | None) -> Iterator[Path]:
    """Give a folder of mode 0700, which is gone in the end: no signal comes between its files and their removal."""
    folder = TemporaryDirectory(prefix="video-worker-", dir=parent)
    try:
        yield Path(folder.name)
    finally:
        with shielded(signal.SIGALRM):
            folder.cleanup()


def _unforeseen(error: Exception) -> InternalError:
    log.exception("unforeseen")
    internal = InternalError(f"The worker failed in a way it did not foresee: {type(error).__name__}.")
    internal.__cause__ = error
    return internal
