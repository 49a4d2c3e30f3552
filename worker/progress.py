"""The line on the terminal that tells how far the work on a file is, and how long it will take."""

import time
from collections.abc import Callable
from typing import TextIO

from worker.phases import share_on_files

BAR_WIDTH = 30
# Before that the pace says little: the first frames come late, and fast, while the encoder only collects them.
LEAST_SECONDS, LEAST_SHARE = 3.0, 0.04
_ERASE_LINE, _ERASE_REST = "\r\x1b[2K", "\x1b[K"


class ProgressLine:
    """A line that is written over and over; silent where there is no terminal."""

    def __init__(self, terminal: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._terminal, self._clock = terminal, clock
        self._visible = terminal.isatty()
        self._began, self._began_at, self._last = clock(), 0.0, 0.0

    def show(self, phase: str, share: float) -> None:
        """Tell how much of a phase is done, 0 to 1."""
        if not self._visible:
            return
        done = share_on_files(phase, share)
        if done < self._last:  # copying parts did not do, and all is encoded: another pace
            self._began, self._began_at = self._clock(), done
        self._last = done
        filled = round(done * BAR_WIDTH)
        bar = "█" * filled + "·" * (BAR_WIDTH - filled)
        self._terminal.write(f"\r{bar} {100 * done:3.0f} % {phase.lower():<9} {self._left(done)}{_ERASE_REST}")
        self._terminal.flush()

    def clear(self) -> None:
        """Leave an empty line."""
        if self._visible:
            self._terminal.write(_ERASE_LINE)
            self._terminal.flush()

    def _left(self, done: float) -> str:
        seconds, share = self._clock() - self._began, done - self._began_at
        if seconds < LEAST_SECONDS or share < LEAST_SHARE:
            return ""
        return f" {in_words(seconds * (1 - done) / share)} left"


def in_words(seconds: float) -> str:
    """Return a time no more exactly than an estimate is: `40 s`, `3 min`, `1 h 20 min`."""
    if seconds < 10:
        return f"{max(1, round(seconds))} s"
    if seconds < 57.5:
        return f"{5 * round(seconds / 5)} s"
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
