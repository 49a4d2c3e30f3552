"""Jobs on their way: their records as they change, and bars that show it."""

import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from videobatch import records
from videobatch.bars import shortened
from videobatch.output import STYLES, errors, printable
from videobatch.pipeline import TERMINAL_STATES, JobRecord, Pipeline

POLL_SECONDS = 1.0  # the worker writes its progress every two seconds


def follow_jobs(
    pipeline: Pipeline,
    identifiers: Sequence[str],
    poll: float = POLL_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[JobRecord]:
    """Yield the record of each job whenever it has changed, until all have ended; one that is not there yet is awaited.

    Args:
        poll: Seconds between two looks.
    """
    seen: dict[str, JobRecord] = {}
    waiting = list(dict.fromkeys(identifiers))
    while waiting:
        for record in records.read_many(pipeline, waiting):
            if seen.get(record["job_id"]) != record:
                seen[record["job_id"]] = record
                yield record
        waiting = [
            identifier
            for identifier in waiting
            if identifier not in seen or seen[identifier]["state"] not in TERMINAL_STATES
        ]
        if waiting:
            sleep(poll)


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
        if state in TERMINAL_STATES:
            self._progress.remove_task(self._bars.pop(identifier))
            self._hide_what_has_no_room()
            self._say(record)
            return
        self._progress.update(self._bars[identifier], completed=record["percent"], phase=phase)
        if not errors.is_terminal and self._phases.get(identifier) != phase:
            errors.print(f"{phase:<10} {identifier}", soft_wrap=True)
        self._phases[identifier] = phase

    def _say(self, record: JobRecord) -> None:
        error = record.get("error") or {}
        why = f" {error.get('code')}: {error.get('message')}" if record["state"] == "FAILED" else ""
        errors.print(
            f"{record['state']:<10} {record['job_id']}{printable(why)}",
            style=STYLES.get(record["state"], ""),
            soft_wrap=True,
        )

    def _hide_what_has_no_room(self) -> None:
        room = max(1, errors.height - 2)
        for number, bar in enumerate(self._bars.values()):
            self._progress.update(bar, visible=number < room)
