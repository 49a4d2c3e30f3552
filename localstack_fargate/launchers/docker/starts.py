"""The starts of containers: a few at a time, and none once the emulator stops."""

import contextlib
import threading
from collections.abc import Iterator

from ..base import CannotStartContainerError


class Starts:
    """Lets ``limit`` starts go on at a time, as many as the engine does well with, until it is closed."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._turns = threading.Semaphore(limit)
        self._closed = False

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn, and have it; raises ``CannotStartContainerError`` if there are no starts any more."""
        with self._turns:
            self.check()
            yield

    def check(self) -> None:
        """Raise ``CannotStartContainerError`` if there are no starts any more."""
        if self._closed:
            raise CannotStartContainerError("the emulator stops")

    def close(self) -> None:
        """Let nobody start any more: neither who comes now nor who waits."""
        self._closed = True

    def wait(self) -> None:
        """Wait for the starts that were going on when it was closed."""
        for _ in range(self._limit):
            self._turns.acquire()
        self._turns.release(self._limit)
