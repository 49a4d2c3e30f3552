"""AV1's encoder takes no CPU from others, also where it runs as root."""

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from worker.tests.media import Clip, make_clip


def policies() -> set[int]:
    """How the kernel schedules this process's threads."""
    found = set()
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            found.add(os.sched_getscheduler(int(thread.name)))
    return found


def test_no_thread_becomes_real_time(engine_in_process: Callable[..., Any], tmp_path: Path) -> None:
    seen, over = policies(), threading.Event()

    def watch() -> None:
        while not over.wait(0.002):
            seen.update(policies())

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        make_clip(tmp_path / "clip.mp4", Clip(codec="libsvtav1"))
        engine_in_process(Clip(seconds=2), profile="av1")
    finally:
        over.set()
        watching.join()
    assert seen | policies() == {os.SCHED_OTHER}
