"""A signal to end as an exception: the only way to leave a blocking call at once and still clean up."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# Whoever stops a task waits 10 s by Docker's default. What an S3 that does not answer keeps from ending is given up
# after 4, and each step after that 2 s later: aborting an upload, then writing the record.
FIRST_REMINDER_SECONDS = 4.0
REMINDER_SECONDS = 2.0


class StopRequested(BaseException):
    """The task is being stopped. No `Exception`: libraries catch those, wrap them and try again."""


class _Waiting:
    """Whether a block wants a request to wait for its end, and whether one does."""

    wanted = False
    requested = False


_waiting = _Waiting()


@contextmanager
def stop_on_signals() -> Iterator[Callable[[], None]]:
    """Within the block the first signal to end raises StopRequested in the main thread; later ones do nothing.

    It is raised again by an alarm as long as the block has not ended: in what cleans up and hangs, and where Python had
    to swallow it, as it does in a finaliser.

    A signal that is ignored when the block begins stays ignored, as `nohup` wants it.

    The block gets a function after which no signal does anything any more, not even one that is held back at that
    moment, and not after the block either: for a process whose end is told already and that only has to exit with it.
    """
    requested = ignoring = False

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal requested
        if number != signal.SIGALRM:
            if requested:
                return
            requested = True
            signal.setitimer(signal.ITIMER_REAL, FIRST_REMINDER_SECONDS, REMINDER_SECONDS)
            if _waiting.wanted:
                _waiting.requested = True
                return
        raise StopRequested

    def ignore() -> None:
        nonlocal ignoring
        ignoring = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in before:
            signal.signal(number, signal.SIG_IGN)

    heeded = [number for number in ENDING_SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in (*heeded, signal.SIGALRM)}
    try:
        yield ignore
    finally:
        if not ignoring:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in before.items():
                signal.signal(number, handler)


def request_stop() -> None:
    """Stop this process as a signal does: for its other threads, which can raise nothing in the main one."""
    os.kill(os.getpid(), signal.SIGTERM)


def hold_back() -> None:
    """Keep the signals waiting until a block that heeds them.

    The first process of a container loses those for which it has no handler yet, and Python needs seconds of a quarter
    CPU until it has one.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)


@contextmanager
def heeded() -> Iterator[None]:
    """Let the signals through within a block; those that have been held back arrive at its beginning."""
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def answered() -> Iterator[None]:
    """Let a request wait for the end of a block, which is to learn what a server did, but not beyond its reminder."""
    _waiting.wanted, _waiting.requested = True, False
    try:
        yield
    finally:
        _waiting.wanted = False
    if _waiting.requested:
        raise StopRequested


@contextmanager
def shielded(*also: signal.Signals) -> Iterator[None]:
    """Hold signals back within a short block that must not be torn apart; they arrive at its end.

    Args:
        also: SIGALRM where the block cannot hang, and so needs no reminder.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (*ENDING_SIGNALS, *also))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
