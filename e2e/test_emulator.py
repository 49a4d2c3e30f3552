"""The emulated account's own life: it starts loudly or not at all, and leaves nothing behind."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from e2e.compose import ROOT
from e2e.inspection import wait_until
from e2e.targets import EMULATOR, emulator

pytestmark = pytest.mark.only_target("process")


def processes_of(home: Path) -> list[psutil.Process]:
    """The processes whose files lie in an account's folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("HOME") == str(home / "files") or str(home) in process.environ().get("TMPDIR", ""):
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
    return found


def test_up_status_exec_and_down(tmp_path: Path) -> None:
    home = tmp_path / "account"
    assert emulator(["status"], home).returncode == 1
    up = emulator(["up"], home)
    try:
        assert up.returncode == 0, up.stderr
        assert re.search(r"^export AWS_ENDPOINT_URL=http://127\.0\.0\.1:\d+$", up.stdout, re.MULTILINE)
        assert emulator(["up"], home).stdout == up.stdout  # a second up finds the first
        listed = emulator(["exec", "aws", "s3", "ls"], home)
        assert "video-batch-processing-bucket" in listed.stdout, listed.stderr
        assert "running at" in emulator(["status"], home).stdout
        assert processes_of(home)
    finally:
        down = emulator(["down"], home)
    assert down.returncode == 0
    assert not processes_of(home)
    assert [path.name for path in home.iterdir()] == ["localstack.log"]
    assert emulator(["exec", "true"], home).returncode == 1


def test_names_prefixes_and_region_are_the_users_choice(tmp_path: Path, clip: Path) -> None:
    home = tmp_path / "account"
    names = {
        "BucketName": "elsewhere",
        "UploadPrefix": "videos/",
        "ResultPrefix": "videos/done/",  # below the uploads: a result must not start a job
        "WatermarkPrefix": "marks/",
        "JobPrefix": "records/",
        "ClusterName": "my-cluster",
        "TaskFamily": "my-task",
        "ContainerName": "my-container",
        "FunctionName": "my-function",
        "StateMachineName": "my-machine",
        "TaskRoleName": "my-role",
        "TriggerConcurrency": "0",
        "RetryDelays": "3",
    }
    up = emulator(
        ["up"], home, STACK_PARAMETERS=json.dumps(names), AWS_DEFAULT_REGION="eu-central-1", STACK_NAME="mine"
    )
    try:
        assert up.returncode == 0, up.stderr
        script = (
            "import sys; from pathlib import Path; from videobatch.pipeline import Pipeline\n"
            "pipeline = Pipeline.of_stack('mine')\n"
            "version = pipeline.upload(Path(sys.argv[1]), 'a/b.mp4')\n"
            "*_, record = pipeline.follow(version, timeout=120)\n"
            "print(record['state'], record['output']['key'], len(list(pipeline.records())))"
        )
        run = emulator(
            ["exec", "env", f"PYTHONPATH={ROOT}", sys.executable, "-c", script, str(clip)],
            home,
            AWS_DEFAULT_REGION="eu-central-1",
        )
        assert run.stdout.split() == ["SUCCEEDED", "videos/done/a/b.mp4", "1"], run.stderr
        port = up.stdout.split("127.0.0.1:")[1].split()[0]
        settings = [f"PYTHONPATH={ROOT}", f"STACK_PARAMETERS={json.dumps(names)}", "STACK_NAME=mine"]
        again = emulator(
            ["exec", "env", *settings, f"GATEWAY_LISTEN=127.0.0.1:{port}", "python", "-m", "localstack_init.deploy"],
            home,
            AWS_DEFAULT_REGION="eu-central-1",
        )
        assert again.returncode == 0, again.stderr  # the hook can run any number of times
    finally:
        emulator(["down"], home)


def test_the_users_own_settings_for_aws_do_not_reach_the_account(account: Path) -> None:
    strange = {
        "AWS_PROFILE": "work",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
        "HTTP_PROXY": "http://127.0.0.1:1",
    }
    listed = emulator(["exec", "aws", "s3", "ls"], account, **strange)
    assert "video-batch-processing-bucket" in listed.stdout, listed.stderr
    up = emulator(["up"], account, **strange)
    assert {"unset AWS_PROFILE", "unset AWS_SESSION_TOKEN", "unset AWS_ENDPOINT_URL_S3"} <= set(up.stdout.splitlines())


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ('{"NoSuchParameter": "x"}', "NoSuchParameter"),
        ('["not", "an", "object"]', "STACK_PARAMETERS must be a JSON object"),
    ],
)
def test_a_failing_hook_makes_the_start_fail_loudly(parameters: str, reason: str, tmp_path: Path) -> None:
    home = tmp_path / "account"
    up = emulator(["up"], home, STACK_PARAMETERS=parameters)
    try:
        assert up.returncode == 1
        _starting, what, why, *_ = up.stderr.splitlines()
        assert "10-deploy.sh failed" in what
        assert why.startswith("deploy: ")
        assert reason in why
        assert "export" not in up.stdout
        assert not processes_of(home)
    finally:
        emulator(["down"], home)


def test_two_that_start_at_once_are_two_accounts(tmp_path: Path) -> None:
    homes = [tmp_path / "one", tmp_path / "two"]
    with ThreadPoolExecutor() as both:
        started = list(both.map(lambda home: emulator(["up"], home), homes))
    try:
        assert [up.returncode for up in started] == [0, 0], [up.stderr for up in started]
        assert started[0].stdout != started[1].stdout
    finally:
        for home in homes:
            emulator(["down"], home)


def test_two_that_start_one_account_share_it(tmp_path: Path) -> None:
    home = tmp_path / "account"
    with ThreadPoolExecutor() as both:
        started = list(both.map(lambda _: emulator(["up"], home), range(2)))
    try:
        assert [up.returncode for up in started] == [0, 0], [up.stderr for up in started]
        assert started[0].stdout == started[1].stdout
        assert sorted(up.stderr.split()[0] for up in started) == ["Running", "Starting"]
        emulators = [each for each in processes_of(home) if "localstack.runtime.main" in each.cmdline()]
        assert len(emulators) == 1
    finally:
        emulator(["down"], home)
    assert not processes_of(home)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_is_interrupted_leaves_no_hook_behind(number: signal.Signals, tmp_path: Path) -> None:
    home = tmp_path / "account"
    up = subprocess.Popen([EMULATOR, "up"], env={**os.environ, "EMULATOR_HOME": str(home)}, start_new_session=True)
    wait_until(
        lambda: any("localstack_init.deploy" in " ".join(each.cmdline()) for each in processes_of(home)), "the hook"
    )
    os.killpg(up.pid, number)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(up.pid, number)  # impatience does not keep it from cleaning up
    assert up.wait(60) == 128 + number
    wait_until(lambda: not processes_of(home), "the end of all that was started", seconds=3)


def test_a_port_in_use_is_said(tmp_path: Path, account: Path) -> None:
    taken = emulator(["status"], account).stdout.split("127.0.0.1:")[1].split()[0]
    up = emulator(["up", "--port", taken], tmp_path / "account")
    assert up.returncode == 1
    assert f"port {taken} cannot be used: Address already in use" in up.stderr


@pytest.mark.parametrize("port", ["99999", "0", "-1", "http"])
def test_what_is_no_port_is_said(port: str, tmp_path: Path) -> None:
    up = emulator(["up", f"--port={port}"], tmp_path / "account")
    assert up.returncode == 2
    assert f"a port is a number from 1 to 65535, not '{port}'" in up.stderr


def test_an_account_that_runs_stays_where_it_is(account: Path) -> None:
    running = emulator(["status"], account).stdout
    again = emulator(["up"], account)
    assert again.returncode == 0
    assert again.stderr.startswith("Running already at http://127.0.0.1:")
    elsewhere = emulator(["up", "--port", "1024"], account)
    assert (elsewhere.returncode, elsewhere.stdout) == (1, "")
    assert re.fullmatch(r"emulator\.sh: the account runs on port \d+ already; .+ down\n", elsewhere.stderr)
    assert emulator(["status"], account).stdout == running


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": "x", "created": 1, "port": 1}', "\udcff"])
@pytest.mark.parametrize("command", [["up"], ["status"], ["exec", "true"], ["down"]])
def test_a_damaged_folder_is_said_in_one_sentence(command: list[str], content: str, tmp_path: Path) -> None:
    state = tmp_path / "emulator.json"
    state.write_bytes(os.fsencode(content))
    answer = emulator(command, tmp_path)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert re.fullmatch(rf"emulator\.sh: {state} is damaged .+\n", answer.stderr)


@pytest.mark.parametrize("command", ["up", "status"])
def test_a_folder_that_is_none_is_said_in_one_sentence(command: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = emulator([command], tmp_path / "file")
    assert answer.returncode == 1
    assert re.fullmatch(rf"emulator\.sh: {tmp_path}/file\S*: .+\n", answer.stderr)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ([str(ROOT)], "Permission denied"),
        (["--", str(ROOT / "README.md")], "Permission denied"),
        (["no-such-command"], "No such file or directory"),
    ],
)
def test_what_cannot_be_run_is_said(command: list[str], reason: str, account: Path) -> None:
    answer = emulator(["exec", *command], account)
    assert answer.returncode == 1
    assert answer.stderr == f"emulator.sh: {command[-1]!r} cannot be run: {reason}\n"


def test_the_command_may_follow_two_dashes(account: Path) -> None:
    answer = emulator(["exec", "--", "echo", "--", "--port"], account)
    assert answer.stdout == "-- --port\n", answer.stderr
