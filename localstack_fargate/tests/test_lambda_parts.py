"""What the parts of the Lambda executor promise each other, without an emulator."""

import http.client
import json
import subprocess
import sys
import textwrap
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from localstack_fargate.lambda_process import process as process_module
from localstack_fargate.lambda_process import report
from localstack_fargate.lambda_process.environment import child_environment
from localstack_fargate.lambda_process.guard import Guard
from localstack_fargate.lambda_process.outcome import InitFailedError, ProcessExitedError, describe_exit, timed_out
from localstack_fargate.lambda_process.process import FunctionProcess
from localstack_fargate.lambda_process.runtime_api import Invocation, RuntimeApi

NEXT = "/2018-06-01/runtime/invocation/next"


def ask(api: RuntimeApi, method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(api.address, timeout=10)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def invocation(request_id: str = "r1") -> Invocation:
    return Invocation(request_id, b'{"a": 1}', "arn:aws:lambda:x", "Root=1", 1234)


def run(script: str) -> tuple[FunctionProcess, "Future[int]"]:
    """A process that runs a shell script, and its exit status to come."""
    ended: Future[int] = Future()
    return FunctionProcess(["sh", "-c", script], {"PATH": "/usr/bin:/bin"}, Path("/"), ended.set_result), ended


def running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_an_invocation_goes_out_with_its_headers_and_its_reply_comes_back() -> None:
    api = RuntimeApi(100)
    event = invocation()
    api.submit(event, ProcessExitedError(0))

    status, headers, body = ask(api, "GET", NEXT)

    assert (status, body) == (200, b'{"a": 1}')
    assert headers["Lambda-Runtime-Aws-Request-Id"] == "r1"
    assert headers["Lambda-Runtime-Deadline-Ms"] == "1234"
    assert headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn:aws:lambda:x"
    assert headers["Lambda-Runtime-Trace-Id"] == "Root=1"
    assert api.ready.done()
    assert ask(api, "POST", "/2018-06-01/runtime/invocation/other/response", b"1")[0] == 400
    assert ask(api, "POST", "/2018-06-01/runtime/invocation/r1/response", b"1")[0] == 202
    assert event.reply.result(1).payload == b"1"
    assert ask(api, "POST", "/2018-06-01/runtime/invocation/r1/response", b"2")[0] == 400, "answered already"
    api.fail(ProcessExitedError(0))


def test_a_response_over_the_limit_is_refused_and_becomes_an_error() -> None:
    api = RuntimeApi(100)
    event = invocation()
    api.submit(event, ProcessExitedError(0))
    ask(api, "GET", NEXT)

    status, _, _ = ask(api, "POST", "/2018-06-01/runtime/invocation/r1/response", b"x" * 101)

    assert status == 413
    assert event.reply.result(1).error_type == "Function.ResponseSizeTooLarge"
    api.fail(ProcessExitedError(0))


def test_unknown_paths_are_not_found() -> None:
    api = RuntimeApi(100)

    assert ask(api, "GET", "/other")[0] == 404
    assert ask(api, "POST", "/2018-06-01/runtime/restore/error", b"{}")[0] == 404
    api.fail(ProcessExitedError(0))


def test_an_init_error_is_passed_on() -> None:
    api = RuntimeApi(100)

    assert ask(api, "POST", "/2018-06-01/runtime/init/error", b'{"errorType": "X"}')[0] == 202

    with pytest.raises(InitFailedError):
        api.ready.result(1)
    api.fail(ProcessExitedError(1))


def test_the_end_of_the_process_fails_all_that_is_open() -> None:
    api = RuntimeApi(100)
    running, later = invocation(), invocation("r2")
    api.submit(running, ProcessExitedError(0))
    ask(api, "GET", NEXT)
    with ThreadPoolExecutor() as pool:
        polling = pool.submit(ask, api, "GET", NEXT)

        api.fail(ProcessExitedError(3))
        api.submit(later, ProcessExitedError(0))

        with pytest.raises(ProcessExitedError, match="exit status 3"):
            running.reply.result(1)
        with pytest.raises(ProcessExitedError):
            later.reply.result(1)
        assert running.delivered
        assert not later.delivered
        with pytest.raises((http.client.HTTPException, OSError)):
            polling.result(5)


def test_output_is_complete_after_the_end() -> None:
    process, ended = run("seq 100000; echo done >&2; exit 3")

    assert ended.result(10) == 3
    assert process.take_output() == "".join(f"{number}\n" for number in range(1, 100001)) + "done\n"
    assert process.take_output() == ""


def test_output_without_end_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "MAX_PENDING_CHARACTERS", 100_000)
    process, ended = run("seq 100000; echo the end")
    ended.result(10)

    output = process.take_output()

    assert output.startswith("[")
    assert " characters of output dropped]\n" in output
    assert len(output) < 101_000
    assert output.endswith("100000\nthe end\n")


def test_a_character_split_between_two_writes_stays_whole() -> None:
    process, ended = run(r"printf '\342\202'; sleep 0.2; printf '\254'; printf '\377'")
    ended.result(10)

    assert process.take_output() == "€\N{REPLACEMENT CHARACTER}"


def test_the_end_is_polite_first_and_takes_the_whole_group() -> None:
    process, ended = run("trap 'echo asked; exit 5' TERM; sleep 1000 & echo $!; while :; do sleep 0.05; done")
    while not (child := process.take_output().strip()):
        time.sleep(0.01)

    process.end(grace=5)

    assert ended.result(5) == 5
    assert process.take_output().endswith("asked\n")  # some shells also tell that their child was terminated
    deadline = time.monotonic() + 10
    while running(int(child)):
        assert time.monotonic() < deadline, "the rest of the group still runs"
        time.sleep(0.01)


def test_a_process_that_ignores_the_request_is_killed() -> None:
    process, ended = run("trap '' TERM; echo up; while :; do sleep 0.05; done")
    while not process.take_output():
        time.sleep(0.01)

    process.end(grace=0.2)

    assert ended.result(5) == -9
    process.end()  # no harm in a second time


def test_no_function_runs_that_the_guard_does_not_watch(tmp_path: Path) -> None:
    script = f"""
        import sys
        from localstack_fargate.lambda_process import process
        from pathlib import Path

        def run(mark):
            return process.FunctionProcess(["touch", mark], {{"PATH": "/usr/bin:/bin"}}, Path("/"), print)

        run("{tmp_path}/watched")._ended.wait()
        process._guard.close()
        try:
            run("{tmp_path}/too-late")
        except OSError as error:
            print(error, flush=True)
        process._guard = type("Killed", (), {{"watch": lambda self, group: __import__("os")._exit(0)}})()
        run("{tmp_path}/unwatched")
        """
    emulator = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60
    )

    assert emulator.returncode == 0, emulator.stderr
    assert "the emulator ends" in emulator.stdout
    time.sleep(0.2)
    assert [path.name for path in tmp_path.iterdir()] == ["watched"]


def test_a_guard_that_was_killed_is_replaced_and_knows_everything() -> None:
    guard = Guard()
    groups = [subprocess.Popen(["sleep", "1000"], start_new_session=True) for _ in range(3)]
    guard.watch(groups[0].pid)
    guard.watch(groups[1].pid)
    first = guard._process
    assert first
    first.kill()
    first.wait()
    guard.watch(groups[2].pid)
    guard.forget(groups[1].pid)
    second = guard._process
    assert second
    assert second.stdin

    second.stdin.close()  # what the kernel does when the emulator is killed

    assert second.wait(10) == 0
    assert [groups[0].wait(10), groups[2].wait(10)] == [-9, -9]
    assert groups[1].poll() is None
    groups[1].kill()
    groups[1].wait()
    if first.stdin:
        first.stdin.close()


def test_the_environment_is_what_lambda_documents() -> None:
    given = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": 128, "LOCALSTACK_HOSTNAME": "x", "EDGE_PORT": "4566", "EDGE_MINE": "1"}
    configured = {"EDGE_MINE": "1"}

    variables = child_environment(given, configured, runtime="python3.13", code=Path("/code"), private=Path("/private"))

    assert variables.pop("PATH").startswith(f"{Path(sys.executable).parent}:")
    assert Path(variables.pop("LAMBDA_RUNTIME_DIR"), "awslambdaric").is_dir()
    assert variables == {
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "EDGE_MINE": "1",
        "HOME": "/private",
        "LAMBDA_TASK_ROOT": "/code",
        "LANG": "C.UTF-8",
        "TMPDIR": "/private",
    }


def test_the_report_line() -> None:
    reply = timed_out("r1", 3)
    lines = report.end_lines("r1", reply, duration=3.0004, init_duration=0.1, memory_size=128, memory_used=40)

    assert lines == (
        "END RequestId: r1\n"
        "REPORT RequestId: r1\tDuration: 3000.40 ms\tBilled Duration: 3101 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 40 MB\tInit Duration: 100.00 ms\tStatus: timeout\n"
    )
    assert json.loads(reply.payload)["errorMessage"] == "RequestId: r1 Error: Task timed out after 3.00 seconds"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "Runtime exited without providing a reason"),
        (2, "Runtime exited with error: exit status 2"),
        (-11, "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_exits_are_described_as_lambda_does(status: int, words: str) -> None:
    assert describe_exit(status) == words
