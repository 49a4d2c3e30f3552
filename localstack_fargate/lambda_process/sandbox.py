"""One function process with its Runtime API: used until the process ends, and then replaced."""

import sys
from collections.abc import Mapping
from pathlib import Path

from localstack_fargate.lambda_process.outcome import ProcessExitedError, Reply
from localstack_fargate.lambda_process.process import FunctionProcess
from localstack_fargate.lambda_process.runtime_api import Invocation, RuntimeApi


class Sandbox:
    """Starts loading the function at once; ``wait_until_ready()`` tells when it is loaded.

    :param handler: the function's handler, such as ``app.handler``
    :param code: directory of the unzipped package, first on the module search path
    :param max_response_bytes: longer responses become an error, as on AWS
    """

    def __init__(self, handler: str, environment: Mapping[str, str], code: Path, max_response_bytes: int) -> None:
        self._api = RuntimeApi(max_response_bytes)
        # -B: the package is read-only on AWS, and a hot-reloaded one is somebody's working copy. -s: no user packages.
        # -m puts the working directory first on the search path, so the function's own modules win.
        command = [sys.executable, "-B", "-s", "-m", "awslambdaric", handler]
        variables = {**environment, "AWS_LAMBDA_RUNTIME_API": self._api.address}
        try:
            self._process = FunctionProcess(command, variables, code, self._exited)
        except OSError:
            self._api.fail(ProcessExitedError(1))
            raise

    @property
    def was_ready(self) -> bool:
        """Whether the function has been loaded, even if its process has ended since."""
        return self._api.ready.done() and self._api.ready.exception() is None

    def wait_until_ready(self, timeout: float | None) -> None:
        """Wait until the function is loaded.

        :param timeout: in seconds
        :raises InitFailedError: its module cannot be imported, or has no such handler
        :raises ProcessExitedError: it ended instead
        :raises TimeoutError: it is not ready yet
        """
        self._api.ready.result(timeout)

    def call(self, invocation: Invocation, timeout: float) -> Reply:
        """Run the handler and wait for its reply.

        :raises ProcessExitedError: the process ended instead, perhaps before it saw the invocation at all
            (``invocation.delivered`` tells)
        :raises TimeoutError: no reply within ``timeout`` seconds
        """
        self._api.submit(invocation, ProcessExitedError(0))
        return invocation.reply.result(timeout)

    def take_output(self) -> str:
        return self._process.take_output()

    def peak_memory_mb(self) -> int:
        return self._process.peak_memory_mb()

    def end(self, grace: float = 0) -> None:
        """End the process and all that it has started, politely if there are ``grace`` seconds for it."""
        self._process.end(grace)

    def _exited(self, exit_status: int) -> None:
        self._api.fail(ProcessExitedError(exit_status))
