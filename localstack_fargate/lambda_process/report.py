"""The lines that the Lambda service itself writes around a function's output."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime

from localstack_fargate.lambda_process.outcome import Reply


def start_line(request_id: str, version: str) -> str:
    """The line that opens an invocation's log."""
    return f"START RequestId: {request_id} Version: {version}\n"


def init_failed_line(duration: float, reply: Reply) -> str:
    """What the log says of a function that could not be loaded; ``duration`` in seconds."""
    return f"INIT_REPORT Init Duration: {duration * 1000:.2f} ms\tPhase: init{_status(reply)}\n"


def service_error_lines(request_id: str, reply: Reply, timeout: int) -> str:
    """What the log says of an end that the function could not log itself; ``timeout`` in seconds."""
    if reply.error_type == "Sandbox.Timedout":
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        return f"{now}Z {request_id} Task timed out after {timeout:.2f} seconds\n"
    if reply.from_service:
        return f"{reply.message()}\n{reply.error_type}\n"
    return ""


def end_lines(
    request_id: str,
    reply: Reply,
    *,
    duration: float,
    init_duration: float | None,
    memory_size: int,
    memory_used: int,
) -> str:
    """The END and REPORT lines.

    :param duration: seconds from the invocation to its end
    :param init_duration: seconds that the process took to load the function; None for all but its first invocation
    :param memory_size: configured, in MB
    :param memory_used: the process's peak, in MB
    """
    billed = duration + (init_duration or 0)  # Lambda bills the init phase too, since August 2025
    report = (
        f"REPORT RequestId: {request_id}\tDuration: {duration * 1000:.2f} ms\t"
        f"Billed Duration: {math.ceil(billed * 1000)} ms\tMemory Size: {memory_size} MB\t"
        f"Max Memory Used: {memory_used} MB"
    )
    if init_duration is not None:
        report += f"\tInit Duration: {init_duration * 1000:.2f} ms"
    return f"END RequestId: {request_id}\n{report}{_status(reply)}\n"


def join(pieces: Iterable[str]) -> str:
    """Put a log together so that each piece starts on a line of its own.

    awslambdaric ends the lines of a traceback with a carriage return, which the Lambda service shows as a new line.
    """
    return "".join(
        piece if piece.endswith("\n") else f"{piece}\n"
        for piece in (piece.replace("\r\n", "\n").replace("\r", "\n") for piece in pieces)
        if piece
    )


def _status(reply: Reply) -> str:
    error_type = reply.error_type or ""
    if error_type == "Sandbox.Timedout":
        return "\tStatus: timeout"
    return f"\tStatus: error\tError Type: {error_type}" if error_type.startswith("Runtime.") else ""
