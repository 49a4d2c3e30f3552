"""The emulated account's own life: it starts loudly or not at all, and leaves nothing behind."""

import re
from pathlib import Path

import psutil
import pytest

from e2e.conftest import emulator


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
        assert "10-deploy.sh failed" in up.stderr
        assert reason in up.stderr
        assert "export" not in up.stdout
        assert not processes_of(home)
    finally:
        emulator(["down"], home)


def test_a_port_in_use_is_said(tmp_path: Path, account: Path) -> None:
    taken = emulator(["status"], account).stdout.split("127.0.0.1:")[1].split()[0]
    up = emulator(["up", "--port", taken], tmp_path / "account")
    assert up.returncode == 1
    assert f"port {taken} is in use" in up.stderr
