"""Lets a function handle as many asynchronous events at a time as the machine has CPUs; the others wait in its queue.

LocalStack has four more handled than there are CPUs: in a burst of uploads that is as many processes of 67 MB each,
which all load the function at the same time. All others it takes from the queue at once, to which they return after the
function's timeout and a minute, handled or not: those that have waited for so long are handled twice.

A reserved concurrency does not reach a function by a stack: LocalStack's ``AWS::Lambda::Function`` passes it over.
"""

import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from localstack.services.lambda_.invocation.event_manager import Poller

FEWEST = 2  # so that a function that waits for long does not hold up the next event
SECONDS_BETWEEN_LOOKS = 0.5  # whether the emulator or the function ends


def events_at_once() -> int:
    """How many events of a function are handled at a time."""
    return max(FEWEST, os.cpu_count() or 0)


def install() -> None:
    """Have each function's poller hand its events to such a pool."""
    original = Poller.__init__

    @functools.wraps(original)
    def init(self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        self.invoker_pool.shutdown()  # it has not begun a thread yet
        self.invoker_pool = _Turns(events_at_once(), self.invoker_pool._thread_name_prefix, self._shutdown_event)

    Poller.__init__ = init


class _Turns(ThreadPoolExecutor):
    """Has whoever submits wait until a thread is free.

    :param over: set when nothing is to be submitted any more
    """

    def __init__(self, threads: int, name: str, over: threading.Event) -> None:
        super().__init__(threads, name)
        self._free = threading.Semaphore(threads)
        self._over = over

    def submit(self, fn: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        while not self._free.acquire(timeout=SECONDS_BETWEEN_LOOKS):
            if self._over.is_set():
                raise RuntimeError("the poller has been stopped")
        future = super().submit(fn, *arguments, **named)
        future.add_done_callback(lambda _: self._free.release())
        return future
