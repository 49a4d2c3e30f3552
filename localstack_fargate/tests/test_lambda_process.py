"""What a function that runs as a process answers and logs."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from localstack_fargate.tests.kit import is_alive, poll
from localstack_fargate.tests.lambda_kit import Functions


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
        poll(lambda: functions.configuration(name)["LastUpdateStatus"] == "Successful")

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
    assert not is_alive(first)
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

    found = poll(lambda: [*messages()] if any("REPORT" in message for message in messages()) else [])
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
