"""What LocalStack calls to run a Lambda function (``LAMBDA_RUNTIME_EXECUTOR=process``)."""

import importlib.util
import logging
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from localstack import config
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InitializationType, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import LambdaRuntimeException, RuntimeExecutor

from localstack_fargate.lambda_process import outcome, report
from localstack_fargate.lambda_process.environment import child_environment
from localstack_fargate.lambda_process.outcome import InitFailedError, ProcessExitedError, Reply
from localstack_fargate.lambda_process.runtime_api import Invocation
from localstack_fargate.lambda_process.sandbox import Sandbox

LOG = logging.getLogger(__name__)

STOP_GRACE_SECONDS = 0.5  # what Lambda leaves to a runtime with an extension: the longest it ever waits
_LAST_LOG_CHARACTERS = 64 * 1024

_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
_noted_runtimes: set[str] = set()


class ProcessRuntimeExecutor(RuntimeExecutor):
    """One execution environment: runs one invocation at a time in one process, which it reuses while it lives.

    LocalStack sees to everything above that: how many environments there are, reserved concurrency, retries of
    asynchronous events, and writing the log to CloudWatch.
    """

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id, function_version)
        self._lock = threading.Lock()
        self._stopped = False
        self._sandbox: Sandbox | None = None
        self._environment: dict[str, str] = {}
        self._private: Path | None = None
        self._leftover = ""  # output of a process that has ended, for the log of the next invocation
        self._last_log = ""
        self._init_duration: float | None = None

    # Life of the environment

    def start(self, env_vars: dict[str, str]) -> None:
        """Start the process and load the function.

        As on AWS, a function that cannot be loaded is loaded once more by its first invocation, which then reports the
        failure to its caller and to the log. Only provisioned concurrency has nobody else to tell, and fails here.
        """
        function = self.function_version.config
        self._private = Path(tempfile.mkdtemp(prefix=f"lambda-{self.function_version.id.function_name}-"))
        self._environment = child_environment(
            env_vars,
            function.environment or {},
            runtime=function.runtime,
            code=function.code.get_unzipped_code_location(),
            private=self._private,
        )
        begun = time.monotonic()
        try:
            # No limit of our own: when LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT is over, LocalStack calls stop().
            self._sandbox_in_use().wait_until_ready(None)
            self._init_duration = time.monotonic() - begun
        except (InitFailedError, ProcessExitedError) as error:
            self._discard_sandbox()
            if self._stopped:
                raise LambdaRuntimeException(f"{self._name} was stopped while it loaded the function") from error
            reply = outcome.failed(self.id, error)
            if env_vars.get("AWS_LAMBDA_INITIALIZATION_TYPE") == InitializationType.provisioned_concurrency:
                raise StatusErrorException(str(error), payload=reply.payload) from error
            self._leftover += report.init_failed_line(time.monotonic() - begun, reply)

    def stop(self) -> None:
        """End the process, with an invocation that may be running, and remove its files."""
        with self._lock:
            self._stopped = True
        self._discard_sandbox(STOP_GRACE_SECONDS)
        if self._leftover:
            LOG.info("Output of %s after its last invocation:\n%s", self._name, self._leftover)
        if self._private:
            shutil.rmtree(self._private, ignore_errors=True)

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Run one invocation to its end, whichever it is; only a stopped environment makes it raise."""
        function = self.function_version.config
        request_id = payload["invoke-id"]
        started = time.monotonic()
        log = [self._take_output(), report.start_line(request_id, self.function_version.id.qualifier)]
        invocation = Invocation(
            request_id=request_id,
            payload=payload["payload"].encode(),
            function_arn=payload["invoked-function-arn"],
            trace_id=payload["trace-id"],
            deadline_ms=int((time.time() + function.timeout) * 1000),
        )
        reply, memory_used = self._run(invocation, started + function.timeout)
        duration = time.monotonic() - started
        log.append(self._take_output())
        log.append(report.service_error_lines(request_id, reply, function.timeout))
        log.append(
            report.end_lines(
                request_id,
                reply,
                duration=duration,
                init_duration=self._init_duration,
                memory_size=function.memory_size,
                memory_used=memory_used,
            )
        )
        self._init_duration = None
        self._last_log = report.join(log)
        return InvocationResult(request_id, reply.payload, is_error=reply.is_error, logs=self._last_log)

    def get_logs(self) -> str:
        """The log of the last invocation and what came after it, for LocalStack's own debug messages."""
        return (self._last_log + self._leftover)[-_LAST_LOG_CHARACTERS:]

    # The process

    def _run(self, invocation: Invocation, deadline: float) -> tuple[Reply, int]:
        """Get the reply to an invocation, and the process's peak memory in MB.

        After anything but a reply the process is gone, and the next invocation starts another.

        :param deadline: on the monotonic clock; loading the function again counts, as on AWS
        """
        timeout = self.function_version.config.timeout
        sandbox = self._sandbox_in_use()
        try:
            sandbox.wait_until_ready(deadline - time.monotonic())
            reply = sandbox.call(invocation, deadline - time.monotonic())
            return reply, sandbox.peak_memory_mb()
        except TimeoutError:
            reply = outcome.timed_out(invocation.request_id, timeout)
        except (InitFailedError, ProcessExitedError) as error:
            reply = outcome.failed(invocation.request_id, error)
            if sandbox.was_ready and not invocation.delivered and not self._stopped:
                self._discard_sandbox()  # it ended while it had nothing to do, and has not seen this invocation
                return self._run(replace(invocation, reply=Future()), deadline)
        self._discard_sandbox()
        if self._stopped:
            raise LambdaRuntimeException(f"{self._name} was stopped while it ran {invocation.request_id}")
        return reply, sandbox.peak_memory_mb()

    def _sandbox_in_use(self) -> Sandbox:
        with self._lock:
            if self._stopped:
                raise LambdaRuntimeException(f"{self._name} is stopped")
            if self._sandbox is None:
                function = self.function_version.config
                self._sandbox = Sandbox(
                    function.handler,
                    self._environment,
                    function.code.get_unzipped_code_location(),
                    config.LAMBDA_LIMITS_MAX_FUNCTION_PAYLOAD_SIZE_BYTES,
                )
            return self._sandbox

    def _discard_sandbox(self, grace: float = 0) -> None:
        with self._lock:
            sandbox, self._sandbox = self._sandbox, None
        if sandbox:
            sandbox.end(grace)
            output = sandbox.take_output()
            with self._lock:
                self._leftover += output

    def _take_output(self) -> str:
        """All output since the last call, also that of a process that has ended since."""
        with self._lock:
            sandbox, leftover = self._sandbox, self._leftover
            self._leftover = ""
        return leftover + (sandbox.take_output() if sandbox else "")

    @property
    def _name(self) -> str:
        return f"{self.function_version.qualified_arn} ({self.id})"

    # Versions

    @classmethod
    def validate_environment(cls) -> bool:
        """Tell whether functions can run at all: only awslambdaric is needed."""
        if importlib.util.find_spec("awslambdaric"):
            return True
        LOG.error("Lambda functions cannot run: the package awslambdaric is not installed beside LocalStack")
        return False

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack the code.

        :raises LambdaRuntimeException: the function needs something other than Python; it then gets the state Failed,
            with the message as its reason
        """
        function = function_version.config
        if refusal := _refusal(function.package_type, function.runtime):
            LOG.error("%s: %s", function_version.qualified_arn, refusal)  # LocalStack itself tells only the API
            raise LambdaRuntimeException(refusal)
        if function.runtime != _PYTHON and function.runtime not in _noted_runtimes:
            _noted_runtimes.add(function.runtime)
            LOG.warning("Functions for %s run with %s, the emulator's own interpreter", function.runtime, _PYTHON)
        if function.layers:
            LOG.warning("The layers of %s are ignored", function_version.qualified_arn)
        function.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Nothing to do: the code belongs to LocalStack, and all else to its environment."""

    # Addresses

    def get_address(self) -> str:
        """Where LocalStack would reach the environment if it had to: it calls ``invoke()`` instead."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """Where a function reaches LocalStack."""
        host = str(config.HOSTNAME_FROM_LAMBDA or config.GATEWAY_LISTEN[0].host)
        return "127.0.0.1" if host in {"", "0.0.0.0", "::"} else host  # noqa: S104 - compared, not listened on

    def get_runtime_endpoint(self) -> str:
        """For LocalStack's own init binary, which has no part in this."""
        return ""


def _refusal(package_type: str, runtime: str | None) -> str | None:
    """Why such a function cannot run here, if it cannot."""
    if package_type != "Zip":
        return "Container images cannot run as a process: package the function as a zip file"
    if not runtime or not runtime.startswith("python"):
        return f"The runtime {runtime} cannot run as a process: only Python runtimes can (here: {_PYTHON})"
    return None
