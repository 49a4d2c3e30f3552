"""Lets an execution that was stopped end as ABORTED, whatever it was doing.

LocalStack's ends as FAILED where the stop meets a state that fails at that moment, so that whoever waits for the event
of an aborted execution waits in vain; and goes on where it has not begun its first state yet. Here three methods of its
are replaced; everything around them is as it was.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
"""

import functools
import time
from collections.abc import Callable
from typing import Any

from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.program_state import ProgramRunning, ProgramStopped, ProgramTimedOut
from localstack.services.stepfunctions.backend.execution_worker import ExecutionWorker

SECONDS_TO_BEGIN = 10.0
SECONDS_BETWEEN_LOOKS = 0.02


def install() -> None:
    """Replace the methods.

    Raises:
        AttributeError: LocalStack has one of them no more.
    """
    Environment.set_error = _unless_over(Environment.set_error)
    Environment.set_timed_out = _unless_over(Environment.set_timed_out)
    ExecutionWorker.stop = _once_begun(ExecutionWorker.stop)


def _unless_over(original: Callable[..., None]) -> Callable[..., None]:
    """What a stopped execution still meets is not its end."""

    @functools.wraps(original)
    def set_end(self: Any, *arguments: Any, **named: Any) -> None:
        with self._state_mutex:
            if not isinstance(self._program_state, ProgramStopped | ProgramTimedOut):
                original(self, *arguments, **named)

    return set_end


def _once_begun(original: Callable[..., None]) -> Callable[..., None]:
    """StartExecution has answered before the execution's thread has made what can be stopped."""

    @functools.wraps(original)
    def stop(self: Any, *arguments: Any, **named: Any) -> None:
        deadline = time.monotonic() + SECONDS_TO_BEGIN
        while not _has_begun(self.env) and time.monotonic() < deadline:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        original(self, *arguments, **named)

    return stop


def _has_begun(env: Any) -> bool:
    """Whether there is a first state: what is stopped before it has one ends by an error that nobody hears of."""
    state = None if env is None else env.program_state()
    return state is not None and (not isinstance(state, ProgramRunning) or state._next_state_name is not None)
