"""One LocalStack process with nothing but this extension, shared by all tests of the run."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

START_TIMEOUT_SECONDS = 90
REGION = "us-east-1"
ECHO_IMAGE = "example/shell"  # mapped to `sh -c`: a task's command is a shell script


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_running(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{endpoint}/_localstack/init/ready", timeout=2) as answer:  # noqa: S310
                if json.load(answer)["completed"]:
                    return
        except OSError:
            pass
        time.sleep(0.1)
    pytest.fail(f"LocalStack did not start. Its log ends:\n{log.read_text()[-4000:]}")


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the emulator: the one in FARGATE_TEST_ENDPOINT, or a process of our own for this run."""
    if given := os.environ.get("FARGATE_TEST_ENDPOINT"):
        yield given
        return
    root = tmp_path_factory.mktemp("localstack")
    port = free_port()
    log = root / "localstack.log"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "FILESYSTEM_ROOT": str(root / "files"),
        "LOCALSTACK_VOLUME_DIR": str(root / "volume"),
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "FARGATE_LAUNCHER": "process",
        "FARGATE_PROCESS_IMAGES": json.dumps({ECHO_IMAGE: ["sh", "-c"]}),
        "FARGATE_MAX_TASKS": "2",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "localstack.runtime.main"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_running(url, process, log)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="session")
def client(endpoint: str) -> Callable[[str], Any]:
    """Make a boto3 client of the emulated account: ``client("ecs")``."""

    def make(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    return make
