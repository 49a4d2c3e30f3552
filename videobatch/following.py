"""Jobs on their way: their records as they change, and bars that show it."""

import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from botocore.exceptions import BotoCoreError, ClientError
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from videobatch import records
from videobatch.bars import shortened
from videobatch.errors import AccountRefused, explain
from videobatch.gaps import SILENT_SECONDS, Reason, why_nobody_works_on
from videobatch.output import STYLES, errors, printable
from videobatch.pipeline import TERMINAL_STATES, JobRecord, Pipeline

POLL_SECONDS = 1.0  # the worker writes its progress every two seconds
UNREACHABLE_SECONDS = 300.0  # of a network that is changed, a laptop that sleeps
STOPPED = "STOPPED"
"""The state that is shown of a job which says that it goes on, while nothing works on it any more."""


def follow_jobs(
    pipeline: Pipeline,
    identifiers: Sequence[str],
    untold: Callable[[str], None] = lambda _identifier: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[JobRecord]:
    """Yield the record of each job whenever it has changed, until all have ended; one that is not there yet is awaited.

    A job that nothing works on any more is not waited for: its record is yielded once more, as STOPPED. An account that
    cannot be reached for a while, or is not well, is tried again: the jobs go on meanwhile, for hours perhaps.

    Args:
        untold: Called every minute with the id of a job that has no record yet, or whose execution was not started.
    """
    seen: dict[str, JobRecord] = {}
    waiting = dict.fromkeys(identifiers, clock())  # and when each was heard of last
    reached = clock()
    while waiting:
        try:
            found = list(records.read_many(pipeline, waiting))
            changed = {record["job_id"]: record for record in found if seen.get(record["job_id"]) != record}
            for identifier, heard in waiting.items():
                if identifier not in changed and clock() - heard > SILENT_SECONDS:
                    waiting[identifier] = clock()
                    if identifier not in seen or (after := _after_a_silence(pipeline, seen[identifier])) is None:
                        untold(identifier)
                    elif after != seen[identifier]:
                        changed[identifier] = after
        except (BotoCoreError, ClientError) as error:
            if isinstance(explain(error), AccountRefused) or clock() - reached > UNREACHABLE_SECONDS:
                raise
            sleep(POLL_SECONDS)
            continue
        reached = clock()
        for identifier, record in changed.items():
            seen[identifier], waiting[identifier] = record, clock()
            yield record
        waiting = {each: heard for each, heard in waiting.items() if each not in seen or not has_ended(seen[each])}
        if waiting:
            sleep(POLL_SECONDS)


def _after_a_silence(pipeline: Pipeline, record: JobRecord) -> JobRecord | None:
    """Return a job's record as it is now, as STOPPED if nothing works on it any more; None: nobody has begun it."""
    reason = why_nobody_works_on(pipeline, record)
    if reason is None:
        return record
    if reason is Reason.NOT_STARTED:
        return None
    now = records.read(pipeline, record["job_id"])  # it may have ended since its record was read
    return now[0] if now and now[0]["state"] in TERMINAL_STATES else record | {"state": STOPPED}


def has_ended(record: JobRecord) -> bool:
    """Whether a job that is followed need not be followed any more."""
    return record["state"] in TERMINAL_STATES or record["state"] == STOPPED


class JobBars:
    """A bar for each job that goes on, with phase, percent and the time left, and a line for each that has ended.

    Where standard error is no terminal there is a line for each phase instead.
    """

    def __init__(self, identifiers: Sequence[str]) -> None:
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(16),
            TextColumn("{task.percentage:>3.0f} % {task.fields[phase]:<10}", markup=False),
            TimeRemainingColumn(compact=True),
        )
        self._progress = Progress(*columns, console=errors, transient=True)
        self._phases: dict[str, str] = {}
        self._bars: dict[str, TaskID] = {
            identifier: self._progress.add_task(shortened(identifier), total=100, phase="waiting")
            for identifier in identifiers
        }
        self._hide_what_has_no_room()

    def __enter__(self) -> Self:
        if errors.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if errors.is_terminal:
            self._progress.stop()

    def show(self, record: JobRecord) -> None:
        """Show a record that has changed."""
        identifier, state = record["job_id"], record["state"]
        phase = str(record["phase"] if state == "RUNNING" and record["phase"] else state).lower()
        if has_ended(record):
            self._progress.remove_task(self._bars.pop(identifier))
            self._hide_what_has_no_room()
            self._say(record)
            return
        self._progress.update(self._bars[identifier], completed=record["percent"], phase=phase)
        if not errors.is_terminal and self._phases.get(identifier) != phase:
            errors.print(f"{phase:<10} {identifier}", soft_wrap=True)
        self._phases[identifier] = phase

    def _say(self, record: JobRecord) -> None:
        errors.print(
            f"{record['state']:<10} {record['job_id']}{printable(_why(record))}",
            style=STYLES.get(record["state"], ""),
            soft_wrap=True,
        )

    def _hide_what_has_no_room(self) -> None:
        room = max(1, errors.height - 2)
        for number, bar in enumerate(self._bars.values()):
            self._progress.update(bar, visible=number < room)


def _why(record: JobRecord) -> str:
    if record["state"] == STOPPED:
        return " Nothing works on it any more; videobatch backfill begins it again."
    error = record.get("error") or {}
    return f" {error.get('code')}: {error.get('message')}" if record["state"] == "FAILED" else ""
