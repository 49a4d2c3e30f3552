"""What the tests of faults share: the table's rows, and the proxy between tasks and S3."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import WaitForJob
from e2e.faults.fault import Fault, NewFault
from e2e.faults.proxy import FaultProxy
from e2e.faults.task_definition import revised
from e2e.targets import Target
from videobatch.pipeline import Pipeline

Operate = Callable[[str], Any]


@pytest.fixture
def new_fault(
    pipeline: Pipeline, target: Target, wait_for_job: WaitForJob, record_property: Callable[[str, object], None]
) -> NewFault:
    """Begin a fault under a name of its own."""
    return lambda name: Fault(name, pipeline, target, wait_for_job, record_property)


@pytest.fixture
def proxy(pipeline: Pipeline, target: Target) -> Iterator[FaultProxy]:
    """A proxy by which the tasks of the test reach S3, and nobody else does."""
    with (
        FaultProxy(target.address_for_tasks(), target.emulator_url()) as proxy,
        revised(pipeline, {"AWS_ENDPOINT_URL_S3": proxy.url}),
    ):
        yield proxy


@pytest.fixture
def operate(pipeline: Pipeline) -> Operate:  # noqa: ARG001 - its account is in the environment
    """Run a command of the operator's command line; returns what it has told as JSON."""

    def run(command: str) -> Any:
        done = subprocess.run(
            [Path(sys.executable).parent / "videobatch", command, "--json"],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    return run
