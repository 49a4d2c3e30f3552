"""SIGTERM as an exception: the only way to leave a blocking call at once and still clean up."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequested(BaseException):
    """The task is being stopped. No `Exception`: libraries catch those, wrap them and try again."""


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Within the block the first SIGTERM or SIGINT raises StopRequested in the main thread; later ones do nothing."""
    requested = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal requested
        if not requested:
            requested = True
            raise StopRequested

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def shielded() -> Iterator[None]:
    """Hold signals back within a short block that must not be torn apart; they arrive at its end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
