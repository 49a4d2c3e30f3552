"""Functions that run as processes of a real LocalStack."""

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

ROLE = "arn:aws:iam::000000000000:role/any"
WAIT_SECONDS = 30


def package(code: str, **modules: str) -> bytes:
    """A zip file with ``app.py`` and other modules."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in {"app": code, **modules}.items():
            archive.writestr(f"{name}.py", textwrap.dedent(text))
    return data.getvalue()


def eventually[T](check: Callable[[], T]) -> T:
    """Repeat a check until its result is true."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (result := check()):
        assert time.monotonic() < deadline, "still not so"
        time.sleep(0.05)
    return result


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


class Functions:
    """Creates functions and calls them."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.names: list[str] = []

    def create(self, code: str, *, handler: str = "app.handler", **settings: Any) -> str:
        name = f"test-{uuid.uuid4().hex[:8]}"
        variables = settings.pop("environment", {})
        runtime = settings.pop("runtime", "python3.13")
        self.api.create_function(
            FunctionName=name,
            Runtime=runtime,
            Role=ROLE,
            Handler=handler,
            Code={"ZipFile": package(code)},
            Environment={"Variables": variables},
            **{"Timeout": 10, **settings},
        )
        self.names.append(name)
        eventually(lambda: self.api.get_function(FunctionName=name)["Configuration"]["State"] != "Pending")
        return name

    def update(self, name: str, code: str) -> None:
        self.api.update_function_code(FunctionName=name, ZipFile=package(code))
        eventually(lambda: self.configuration(name)["LastUpdateStatus"] == "Successful")

    def configuration(self, name: str) -> dict[str, Any]:
        configuration: dict[str, Any] = self.api.get_function(FunctionName=name)["Configuration"]
        return configuration

    def invoke(self, name: str, event: object = None) -> tuple[Any, str | None, str]:
        """Call a function: its result, the kind of error if there was one, and the tail of its log."""
        answer = self.api.invoke(FunctionName=name, Payload=json.dumps(event).encode(), LogType="Tail")
        log = base64.b64decode(answer["LogResult"]).decode()
        return json.load(answer["Payload"]), answer.get("FunctionError"), log


@pytest.fixture
def functions(client: Callable[[str], Any]) -> Iterator[Functions]:
    made = Functions(client("lambda"))
    yield made
    for name in made.names:
        made.api.delete_function(FunctionName=name)


def test_the_handlers_result_comes_back(functions: Functions) -> None:
    name = functions.create("def handler(event, context): return {'got': event, 'arn': context.invoked_function_arn}")

    result, error, log = functions.invoke(name, {"k": "é ☃"})

    assert error is None
    assert result["got"] == {"k": "é ☃"}
    assert result["arn"].endswith(f":function:{name}")
    assert "START RequestId: " in log
    assert "Init Duration: " in log


def test_the_context_knows_deadline_and_limits(functions: Functions) -> None:
    name = functions.create(
        """
        def handler(event, context):
            return [context.get_remaining_time_in_millis(), context.memory_limit_in_mb, context.aws_request_id]
        """,
        Timeout=7,
        MemorySize=256,
    )

    (remaining, memory, request_id), _, log = functions.invoke(name)

    assert 6000 < remaining <= 7000
    assert memory == "256"
    assert f"END RequestId: {request_id}" in log
    assert "Memory Size: 256 MB" in log


def test_an_exception_is_the_callers_error(functions: Functions) -> None:
    name = functions.create("def handler(event, context): raise ValueError('no such thing')")

    result, error, log = functions.invoke(name)

    assert error == "Unhandled"
    assert result["errorType"] == "ValueError"
    assert result["errorMessage"] == "no such thing"
    assert "line 1, in handler" in result["stackTrace"][0]
    assert f"RequestId: {result['requestId']}" in log
    assert "[ERROR] ValueError: no such thing\nTraceback (most recent call last):\n" in log


@pytest.mark.parametrize(
    ("code", "handler", "error_type", "message"),
    [
        ("import not_there", "app.handler", "Runtime.ImportModuleError", "No module named 'not_there'"),
        ("1 +", "app.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("x = 1", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ("x = 1", "other.handler", "Runtime.ImportModuleError", "No module named 'other'"),
        ("raise ValueError('at import')", "app.handler", "ValueError", "at import"),
        ("import os; os._exit(7)", "app.handler", "Runtime.ExitError", "exit status 7"),
    ],
    ids=["import", "syntax", "no handler", "no module", "exception", "exit"],
)
def test_a_function_that_cannot_be_loaded(
    functions: Functions, code: str, handler: str, error_type: str, message: str
) -> None:
    name = functions.create(f"print('loading')\n{code}" if error_type != "Runtime.UserCodeSyntaxError" else code)
    if handler != "app.handler":
        functions.api.update_function_configuration(FunctionName=name, Handler=handler)
        eventually(lambda: functions.configuration(name)["LastUpdateStatus"] == "Successful")

    result, error, log = functions.invoke(name)

    assert error == "Unhandled"
    assert result["errorType"] == error_type
    assert message in result["errorMessage"]
    assert "INIT_REPORT Init Duration: " in log
    assert message in log


def test_a_timeout_kills_the_process_and_the_next_call_recovers(functions: Functions) -> None:
    name = functions.create(
        """
        import os, time
        def handler(event, context):
            print('sleeping', event)
            time.sleep(event)
            return os.getpid()
        """,
        Timeout=2,
    )
    first, _, _ = functions.invoke(name, 0)

    result, error, log = functions.invoke(name, 60)

    assert error == "Unhandled"
    assert result["errorType"] == "Sandbox.Timedout"
    assert result["errorMessage"].endswith(" Error: Task timed out after 2.00 seconds")
    assert "sleeping 60\n" in log
    assert "Task timed out after 2.00 seconds\n" in log
    assert "\tStatus: timeout\n" in log
    assert not alive(first)
    again, error, _ = functions.invoke(name, 0)
    assert error is None
    assert again != first


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ("os._exit(1)", "Runtime exited with error: exit status 1"),
        ("sys.exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_an_exit_is_reported_and_the_next_call_recovers(functions: Functions, end: str, message: str) -> None:
    name = functions.create(f"""
        import os, sys
        def handler(event, context):
            print('last words')
            if event: {end}
            return 'fine'
        """)

    result, error, log = functions.invoke(name, True)

    assert error == "Unhandled"
    assert result["errorType"] == "Runtime.ExitError"
    assert result["errorMessage"].endswith(message)
    assert "last words\n" in log
    assert message in log
    assert functions.invoke(name, False)[:2] == ("fine", None)


def test_a_response_that_is_too_long(functions: Functions) -> None:
    name = functions.create("def handler(event, context): return 'x' * event")

    result, error, _ = functions.invoke(name, 7_000_000)

    assert error == "Unhandled"
    assert result["errorType"] == "Function.ResponseSizeTooLarge"
    result, error, _ = functions.invoke(name, 5_000_000)
    assert error is None
    assert len(result) == 5_000_000


def test_the_log_reaches_cloudwatch_whole_and_in_order(functions: Functions, client: Callable[[str], Any]) -> None:
    name = functions.create("""
        import logging, subprocess, sys
        print('at import')
        def handler(event, context):
            for number in range(event): print('line', number)
            print('on stderr', file=sys.stderr)
            logging.warning('through logging')
            subprocess.run(['echo', 'from a program'])
        """)

    _, _, tail = functions.invoke(name, 5000)

    assert tail.index("line 4999\non stderr\n[WARNING]") < tail.index("from a program\nEND RequestId")
    logs = client("logs")

    def messages() -> list[str]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
        try:
            return [event["message"] for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []

    found = eventually(lambda: [*messages()] if any("REPORT" in message for message in messages()) else [])
    assert found[0] == "at import\n"
    assert found[1].startswith("START RequestId: ")
    assert found[2:5002] == [f"line {number}\n" for number in range(5000)]
    assert found[5004] == "from a program\n"
    assert found[-1].startswith("REPORT RequestId: ")


def test_every_log_has_all_of_its_own_output_and_no_other(functions: Functions) -> None:
    name = functions.create("""
        import os
        def handler(event, context):
            for number in range(30): print(f'{event} {number}')
            os.write(1, b'last\\n')
        """)

    for event in range(100):
        _, _, log = functions.invoke(name, event)
        lines = [line for line in log.splitlines() if not line.startswith(("START", "END", "REPORT"))]
        assert lines == [f"{event} {number}" for number in range(30)] + ["last"]


def test_json_is_the_format_of_a_log_that_asks_for_it(functions: Functions) -> None:
    name = functions.create(
        "import logging\ndef handler(event, context): logging.getLogger().info('hello', extra={'job_id': 'x'})",
        LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "INFO"},
    )

    _, _, log = functions.invoke(name)

    (line,) = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert line["message"] == "hello"
    assert line["job_id"] == "x"
    assert line["level"] == "INFO"


def test_output_between_calls_is_in_the_next_log(functions: Functions) -> None:
    name = functions.create("""
        import threading
        def handler(event, context):
            if event: threading.Timer(0.3, lambda: print('in the meantime')).start()
        """)
    _, _, first = functions.invoke(name, True)
    time.sleep(0.6)

    _, _, second = functions.invoke(name, False)

    assert "in the meantime" not in first
    assert second.startswith("in the meantime\nSTART")


def test_a_warm_process_is_used_again(functions: Functions) -> None:
    name = functions.create("import os\ndef handler(event, context): return os.getpid()")

    (first, _, cold), (second, _, warm) = functions.invoke(name), functions.invoke(name)

    assert first == second
    assert "Init Duration" in cold
    assert "Init Duration" not in warm


def test_a_process_that_ended_while_idle_costs_no_invocation(functions: Functions) -> None:
    name = functions.create("import os\ndef handler(event, context): return os.getpid()")
    first, _, _ = functions.invoke(name)

    os.kill(first, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{first}").exists())
    second, error, _ = functions.invoke(name)

    assert error is None
    assert second != first


def test_nothing_of_the_emulator_leaks(functions: Functions, endpoint: str) -> None:
    name = functions.create(
        """
        import os, sys, tempfile
        def handler(event, context):
            return dict(os.environ), os.getcwd(), sys.path[0], tempfile.gettempdir()
        """,
        environment={"MINE": "1", "LOCALSTACK_MINE": "2"},
    )

    (variables, directory, search, temporary), _, _ = functions.invoke(name)

    assert {key for key in variables if "LOCALSTACK" in key} == {"LOCALSTACK_MINE"}
    assert variables["MINE"] == "1"
    assert variables["AWS_ENDPOINT_URL"] == endpoint
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert variables["LAMBDA_TASK_ROOT"] == directory == search
    assert variables["HOME"] == variables["TMPDIR"] == temporary
    for key in ("EDGE_PORT", "GATEWAY_LISTEN", "SKIP_SSL_CERT_DOWNLOAD", "FARGATE_LAUNCHER", "FILESYSTEM_ROOT"):
        assert key not in variables


def test_a_function_reaches_aws_with_boto3(functions: Functions, client: Callable[[str], Any]) -> None:
    name = functions.create("""
        import boto3
        def handler(event, context):
            boto3.client('s3').put_object(Bucket=event, Key='made-by-lambda', Body=b'1')
        """)
    bucket = f"test-{uuid.uuid4().hex[:8]}"
    client("s3").create_bucket(Bucket=bucket)

    assert functions.invoke(name, bucket)[:2] == (None, None)

    assert client("s3").head_object(Bucket=bucket, Key="made-by-lambda")["ContentLength"] == 1


def test_reserved_concurrency_holds_for_asynchronous_events(functions: Functions, tmp_path: Path) -> None:
    name = functions.create(f"""
        import os, time
        def handler(event, context):
            with open({str(tmp_path / "log")!r}, 'a', buffering=1) as log:
                log.write('+\\n')
                time.sleep(0.5)
                log.write(f'-{{event}}\\n')
        """)
    functions.api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=2)

    for number in range(10):
        functions.api.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(number).encode())

    def lines() -> list[str]:
        return (tmp_path / "log").read_text().splitlines() if (tmp_path / "log").exists() else []

    eventually(lambda: sum(line.startswith("-") for line in lines()) >= 10)
    running = most = 0
    for line in lines():
        running += 1 if line == "+" else -1
        most = max(most, running)
    assert most == 2
    assert sorted(line for line in lines() if line != "+") == [f"-{number}" for number in range(10)]


def test_new_code_replaces_the_running_process(functions: Functions) -> None:
    name = functions.create("import os\ndef handler(event, context): return 'old', os.getpid()")
    (version, pid), _, _ = functions.invoke(name)

    functions.update(name, "def handler(event, context): return 'new'")

    assert version == "old"
    assert functions.invoke(name)[0] == "new"
    eventually(lambda: not alive(pid))


def test_a_deleted_function_leaves_nothing(functions: Functions) -> None:
    name = functions.create("""
        import os, subprocess
        child = subprocess.Popen(['sleep', '1000'])
        def handler(event, context): return os.getpid(), child.pid, os.environ['TMPDIR']
        """)
    (pid, child, directory), _, _ = functions.invoke(name)
    assert alive(pid)
    assert alive(child)

    functions.api.delete_function(FunctionName=functions.names.pop())

    eventually(lambda: not alive(pid) and not alive(child) and not Path(directory).exists())


def test_other_runtimes_are_refused_with_a_reason(functions: Functions) -> None:
    name = functions.create("", runtime="nodejs22.x")

    configuration = functions.configuration(name)

    assert configuration["State"] == "Failed"
    assert "only Python runtimes can" in configuration["StateReason"]
    functions.names.remove(name)  # LocalStack cannot delete a function that failed


def test_an_older_python_runs_with_the_interpreter_that_is_here(functions: Functions) -> None:
    name = functions.create(
        "import os, sys\ndef handler(event, context): return sys.version_info[:2], os.environ['AWS_EXECUTION_ENV']",
        runtime="python3.12",
    )

    assert functions.invoke(name)[0] == [list(sys.version_info[:2]), "AWS_Lambda_python3.12"]


def test_no_function_outlives_an_emulator_that_is_killed(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "FILESYSTEM_ROOT": str(tmp_path / "files"),
        "LOCALSTACK_VOLUME_DIR": str(tmp_path / "volume"),
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
    }
    command = [sys.executable, "-m", "localstack.runtime.main"]
    with (tmp_path / "log").open("wb") as log:
        emulator = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:

        def ready() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_localstack/init/ready", timeout=2) as answer:
                    return bool(json.load(answer)["completed"])
            except OSError:
                return False

        eventually(ready)
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        functions = Functions(boto3.client("lambda", endpoint_url=url, region_name="us-east-1", **keys))
        pids = tmp_path / "pids"
        busy = functions.create(
            f"""
            import os, pathlib, subprocess, time
            def handler(event, context):
                child = subprocess.Popen(['sleep', '1000'])
                pathlib.Path({str(pids)!r}).write_text(f'{{os.getpid()}} {{child.pid}} ')
                time.sleep(1000)
            """,
            Timeout=900,
        )
        idle = functions.create("import os\ndef handler(event, context): return os.getpid()")
        functions.api.invoke(FunctionName=busy, InvocationType="Event")
        running = [functions.invoke(idle)[0], *eventually(lambda: pids.read_text().split() if pids.exists() else [])]
        assert len(running) == 3
        assert all(alive(int(pid)) for pid in running)
    finally:
        os.killpg(emulator.pid, signal.SIGKILL)
        emulator.wait()

    eventually(lambda: not any(alive(int(pid)) for pid in running))
