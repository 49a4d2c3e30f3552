"""Lets a function handle as many asynchronous events at a time as the machine has CPUs; the others wait in its queue.

LocalStack has four more handled than there are CPUs: in a burst of uploads that is as many processes of 67 MB each,
which all load the function at the same time. A reserved concurrency does not reach it by a stack: LocalStack's
``AWS::Lambda::Function`` passes it over.
"""

import functools
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from localstack.services.lambda_.invocation.event_manager import Poller

FEWEST = 2  # so that a function that waits for long does not hold up the next event


def events_at_once() -> int:
    """How many events of a function are handled at a time."""
    return max(FEWEST, os.cpu_count() or 0)


def install() -> None:
    """Have each function's poller made with that many threads."""
    original = Poller.__init__

    @functools.wraps(original)
    def init(self: Any, *arguments: Any, **named: Any) -> None:
        original(self, *arguments, **named)
        self.invoker_pool.shutdown()  # it has not begun a thread yet
        self.invoker_pool = ThreadPoolExecutor(events_at_once(), self.invoker_pool._thread_name_prefix)

    Poller.__init__ = init
