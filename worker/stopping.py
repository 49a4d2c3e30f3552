"""A signal to end as an exception: the only way to leave a blocking call at once and still clean up."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class StopRequested(BaseException):
    """The task is being stopped. No `Exception`: libraries catch those, wrap them and try again."""


@contextmanager
def stop_on_signals() -> Iterator[Callable[[], None]]:
    """Within the block the first signal to end raises StopRequested in the main thread; later ones do nothing.

    A signal that is ignored when the block begins stays ignored, as `nohup` wants it.

    The block gets a function after which no signal does anything any more, not even one that is held back at that
    moment, and not after the block either: for a process whose end is told already and that only has to exit with it.
    """
    requested = ignoring = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal requested
        if not requested:
            requested = True
            raise StopRequested

    def ignore() -> None:
        nonlocal ignoring
        ignoring = True
        for number in before:
            signal.signal(number, signal.SIG_IGN)

    heeded = [number for number in ENDING_SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heeded}
    try:
        yield ignore
    finally:
        if not ignoring:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def shielded() -> Iterator[None]:
    """Hold signals back within a short block that must not be torn apart; they arrive at its end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
