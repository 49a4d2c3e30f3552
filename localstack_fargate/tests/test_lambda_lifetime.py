"""When a function's process begins and ends, and what it can see."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localstack_fargate.lambda_process.events_at_once import events_at_once
from localstack_fargate.tests.kit import START_TIMEOUT_SECONDS, emulator, is_alive, make_client, poll, random_name
from localstack_fargate.tests.lambda_kit import Functions


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
    poll(lambda: not Path(f"/proc/{first}").exists())
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
    bucket = random_name()
    client("s3").create_bucket(Bucket=bucket)

    assert functions.invoke(name, bucket)[:2] == (None, None)

    assert client("s3").head_object(Bucket=bucket, Key="made-by-lambda")["ContentLength"] == 1


@pytest.mark.parametrize(("reserved", "events"), [(None, 10), (1, 4)])
def test_asynchronous_events_wait_for_their_turn(
    functions: Functions, tmp_path: Path, reserved: int | None, events: int
) -> None:
    name = functions.create(f"""
        import os, time
        def handler(event, context):
            with open({str(tmp_path / "log")!r}, 'a', buffering=1) as log:
                log.write('+\\n')
                time.sleep(0.5)
                log.write(f'-{{event}}\\n')
        """)
    if reserved:
        functions.api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)

    for number in range(events):
        functions.api.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(number).encode())

    def lines() -> list[str]:
        return (tmp_path / "log").read_text().splitlines() if (tmp_path / "log").exists() else []

    poll(lambda: sum(line.startswith("-") for line in lines()) >= events)
    running = most = 0
    for line in lines():
        running += 1 if line == "+" else -1
        most = max(most, running)
    assert min(2, reserved or 2) <= most <= (reserved or events_at_once())
    assert sorted(line for line in lines() if line != "+") == [f"-{number}" for number in range(events)]


def test_new_code_replaces_the_running_process(functions: Functions) -> None:
    name = functions.create("import os\ndef handler(event, context): return 'old', os.getpid()")
    (version, pid), _, _ = functions.invoke(name)

    functions.update(name, "def handler(event, context): return 'new'")

    assert version == "old"
    assert functions.invoke(name)[0] == "new"
    poll(lambda: not is_alive(pid))


def test_a_deleted_function_leaves_nothing(functions: Functions) -> None:
    name = functions.create("""
        import os, subprocess
        child = subprocess.Popen(['sleep', '1000'])
        def handler(event, context): return os.getpid(), child.pid, os.environ['TMPDIR']
        """)
    (pid, child, directory), _, _ = functions.invoke(name)
    assert is_alive(pid)
    assert is_alive(child)

    functions.api.delete_function(FunctionName=functions.names.pop())

    poll(lambda: not is_alive(pid) and not is_alive(child) and not Path(directory).exists())


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
    with emulator(tmp_path) as started:
        poll(started.is_ready, START_TIMEOUT_SECONDS)
        functions = Functions(make_client("lambda", started.url))
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
        running = [functions.invoke(idle)[0], *poll(lambda: pids.read_text().split() if pids.exists() else [])]
        assert len(running) == 3
        assert all(is_alive(int(pid)) for pid in running)
        started.process.kill()
        started.process.wait()
        poll(lambda: not any(is_alive(int(pid)) for pid in running))
