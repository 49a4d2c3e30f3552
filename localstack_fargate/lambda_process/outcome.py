"""How an invocation ends: the function's own reply, or the error that the Lambda service gives in its place."""

import json
import signal
from dataclasses import dataclass


@dataclass(frozen=True)
class Reply:
    """What the caller of Invoke gets. ``from_service`` marks an error that the function did not report itself."""

    payload: bytes
    is_error: bool = False
    error_type: str | None = None
    from_service: bool = False

    def message(self) -> str:
        """The error message of a service error."""
        return str(json.loads(self.payload)["errorMessage"])


class ProcessExitedError(Exception):
    """The function's process ended by itself, or something killed it."""

    def __init__(self, exit_status: int) -> None:
        super().__init__(describe_exit(exit_status))
        self.exit_status = exit_status


class InitFailedError(Exception):
    """The function's module could not be loaded; ``reply`` is what awslambdaric told about it."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.payload.decode(errors="replace"))
        self.reply = reply


def describe_exit(exit_status: int) -> str:
    """Say in the words of the Lambda service how a process ended.

    :param exit_status: as ``subprocess`` gives it: negative for a signal
    """
    if exit_status == 0:
        return "Runtime exited without providing a reason"
    if exit_status < 0:
        name = signal.strsignal(-exit_status) or str(-exit_status)
        return f"Runtime exited with error: signal: {name.lower()}"
    return f"Runtime exited with error: exit status {exit_status}"


def timed_out(request_id: str, seconds: int) -> Reply:
    """The function did not answer within its timeout."""
    return _service_error(
        "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds"
    )


def failed(request_id: str, error: InitFailedError | ProcessExitedError) -> Reply:
    """The process ended before it answered."""
    if isinstance(error, InitFailedError):
        return error.reply
    return _service_error("Runtime.ExitError", f"RequestId: {request_id} Error: {error}")


def response_too_large(size: int, limit: int) -> Reply:
    """The handler returned more than Lambda passes on; both in bytes."""
    return _service_error(
        "Function.ResponseSizeTooLarge",
        f"Response payload size ({size} bytes) exceeded maximum allowed payload size ({limit} bytes).",
    )


def _service_error(error_type: str, message: str) -> Reply:
    payload = json.dumps({"errorType": error_type, "errorMessage": message}).encode()
    return Reply(payload, is_error=True, error_type=error_type, from_service=True)
