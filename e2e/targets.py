"""Where the account runs that the tests look at: in containers, as processes, or at AWS itself."""

import contextlib
import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import docker
import psutil
import pytest
from docker.errors import NotFound
from docker.models.containers import Container

from e2e.compose import ROOT, Project
from localstack_fargate.launchers.docker.engine import answers
from localstack_init.home import Home
from scripts.account import use_account

EMULATOR = str(ROOT / "scripts" / "emulator.sh")

# Pauses between attempts that a test can sit out, of the state machine and of Lambda; and no role does what it may not.
SETTINGS = {
    "STACK_PARAMETERS": '{"RetryDelays": "1, 1"}',
    "LAMBDA_RETRY_BASE_DELAY": "1",
    "FARGATE_ENFORCE_IAM": "1",
}


# Each holds 40 MB, since a text without a line's end is kept whole by `tail`, for as long as nothing ends its input:
# with the engine too much for 512 MB, and without it not.
HOGS = "for _ in 1 2 3 4 5 6 7 8 9; do (head -c 40000000 /dev/zero; sleep 60) | tail & done; wait"


class Target(ABC):
    """One kind of account, and what only somebody who stands beside it can do."""

    job_timeout: float = 240
    """Seconds after which a job that has not ended counts as stuck."""

    @abstractmethod
    def account(self, folder: Path) -> contextlib.AbstractContextManager[None]:
        """Bring an account up, let the environment lead the SDK to it, and take it down again."""

    @abstractmethod
    def kill_worker(self, job_id: str) -> bool:
        """SIGKILL a job's worker as the kernel does when memory is short; False if none runs."""

    @abstractmethod
    def worker_runs(self, job_id: str) -> bool:
        """Whether anything that belongs to a job's worker is still there."""

    @abstractmethod
    def remains(self, job_id: str, tasks: Sequence[dict[str, Any]]) -> list[str]:
        """What there still is of a job's tasks on the machine that ran them, each as a sentence."""

    @abstractmethod
    def address_for_tasks(self) -> str:
        """An address of this machine where tasks reach what a test listens with."""

    def emulator_url(self) -> str:
        """Where the emulator answers, which does what AWS does by itself if it is asked to."""
        return os.environ["AWS_ENDPOINT_URL"]


class Processes(Target):
    """scripts/emulator.sh: no container engine at all.

    Args:
        settings: Environment variables of the account, in place of those that all tests share.
    """

    def __init__(self, **settings: str) -> None:
        self._settings = settings or SETTINGS
        self._folder: Path | None = None

    @contextlib.contextmanager
    def account(self, folder: Path) -> Iterator[None]:
        self._folder = folder
        up = emulator(["up"], folder, **self._settings)
        if up.returncode:
            pytest.fail(f"scripts/emulator.sh up failed:\n{up.stderr}")
        try:
            with _environment():
                use_account(up.stdout)
                yield
        finally:
            emulator(["down"], folder)

    def kill_worker(self, job_id: str) -> bool:
        processes = _processes_of_worker(job_id)
        if not processes:
            return False
        for process in [processes[0], *processes[0].children(recursive=True)]:
            process.kill()
        psutil.wait_procs(processes[:1], timeout=10)
        return True

    def worker_runs(self, job_id: str) -> bool:
        return bool(_processes_of_worker(job_id))

    def remains(self, job_id: str, tasks: Sequence[dict[str, Any]]) -> list[str]:
        ids = [container["runtimeId"] for task in tasks for container in task["containers"] if "runtimeId" in container]
        folders = [folder for each in ids for folder in self.temporary_files.glob(f"fargate-{each}-*")]
        processes = _processes_of_worker(job_id)
        return [f"{job_id}: folder {folder}" for folder in folders] + [f"{job_id}: {each}" for each in processes]

    def address_for_tasks(self) -> str:
        return "127.0.0.1"

    @property
    def temporary_files(self) -> Path:
        """The account's own, in which each container has a folder."""
        assert self._folder is not None, "the account is not up"
        return Home(self._folder).files / "tmp"


class Containers(Target):
    """docker-compose.yml, under a project name and on a port of its own."""

    def __init__(self) -> None:
        self._engine = docker.from_env()
        self._project: Project | None = None

    @contextlib.contextmanager
    def account(self, folder: Path) -> Iterator[None]:
        self._project = project = Project(folder, **SETTINGS)
        with project.running(), _environment():
            for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
                os.environ.pop(name, None)
            os.environ |= project.client_environment()
            yield

    def kill_worker(self, job_id: str) -> bool:
        for container in self.containers_of_worker(job_id):
            container.kill()
            return True
        return False

    def worker_runs(self, job_id: str) -> bool:
        return bool(self.containers_of_worker(job_id))

    def remains(self, job_id: str, tasks: Sequence[dict[str, Any]]) -> list[str]:  # noqa: ARG002 - Docker knows
        found = self.containers_of_worker(job_id, all=True)
        return [f"{job_id}: container {each.name} is {each.status}" for each in found]

    def address_for_tasks(self) -> str:
        assert self._project is not None, "the account is not up"
        [network] = self._engine.networks.list(names=[f"fargate-{self._project.name}"])
        gateway: str = network.attrs["IPAM"]["Config"][0]["Gateway"]
        return gateway

    def emulator(self) -> Container:
        """The container that the account is in."""
        assert self._project is not None, "the account is not up"
        [container] = self._engine.containers.list(
            filters={"label": [f"com.docker.compose.project={self._project.name}"]}
        )
        return container

    def exhaust_memory(self, job_id: str) -> None:
        """Use up the memory of a job's container by many small processes, so that the kernel kills its largest."""
        [container] = self.containers_of_worker(job_id)
        container.exec_run(["sh", "-c", HOGS], detach=True)

    def containers_of_worker(self, job_id: str, *, all: bool = False) -> list[Container]:
        """The containers of a job's tasks that run, or also those that have ended."""
        found = []
        for container in self._engine.containers.list(all=all, ignore_removed=True):
            with contextlib.suppress(NotFound):
                container.reload()
                if f"JOB_ID={job_id}" in (container.attrs["Config"]["Env"] or []):
                    found.append(container)
        return found


class Aws(Target):
    """A stack that is deployed in the account of the shell's credentials: ``STACK_NAME``, or the default name."""

    job_timeout = (
        1200  # Fargate takes most of a minute to start a task, and the pauses between attempts are the stack's
    )

    @contextlib.contextmanager
    def account(self, folder: Path) -> Iterator[None]:  # noqa: ARG002 - there is nothing to keep
        if boto3.Session().get_credentials() is None:
            pytest.skip("there are no credentials for an AWS account")
        yield

    def kill_worker(self, job_id: str) -> bool:
        pytest.skip(f"nobody can SIGKILL a process on Fargate: {job_id}")

    def worker_runs(self, job_id: str) -> bool:  # noqa: ARG002 - the task's own STOPPED is all that can be seen
        return False

    def remains(self, job_id: str, tasks: Sequence[dict[str, Any]]) -> list[str]:  # noqa: ARG002 - Fargate tells nobody
        return []

    def address_for_tasks(self) -> str:
        pytest.skip("Fargate does not reach what listens on this machine")

    def emulator_url(self) -> str:
        pytest.skip("nobody can tell AWS to refuse tasks, or to take their capacity back")


TARGETS: dict[str, type[Target]] = {"docker": Containers, "process": Processes, "aws": Aws}


def engine_answers() -> bool:
    """Whether there is a container engine that this user may use."""
    return answers()


def emulator(command: list[str], home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``scripts/emulator.sh`` for the account in the folder ``home``."""
    return subprocess.run(
        [EMULATOR, *command],
        env={**os.environ, "EMULATOR_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Take back what is done to the environment meanwhile."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _processes_of_worker(job_id: str) -> list[psutil.Process]:
    """The processes of a job's worker on this machine, the container's first process first."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("JOB_ID") == job_id:
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
    return sorted(found, key=lambda process: (process.create_time(), process.pid))
