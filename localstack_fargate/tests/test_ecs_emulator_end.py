"""No task outlives its emulator, however that ends; and a wrong configuration does not start."""

import signal
from pathlib import Path

import pytest

from localstack_fargate.tests.kit import START_TIMEOUT_SECONDS, Emulator, Fargate, emulator, is_alive, poll

# A shell that ignores SIGTERM, a child of its, and one that has a session of its own; all write their ids.
STUBBORN = (
    "trap '' TERM; pwd > {0}/directory; echo $$ > {0}/a; "
    "sleep 300 & echo $! > {0}/b; setsid sh -c 'echo $$ > {0}/c; sleep 300' & wait"
)


def start_task(started: Emulator, directory: Path) -> list[int]:
    """Run a stubborn task; returns the ids of its processes."""
    fargate = Fargate(started.url)
    fargate.run_script(STUBBORN.format(directory))
    files = [directory / name for name in "abc"]
    poll(lambda: all(file.exists() and file.read_text().strip() for file in files))
    pids = [int(file.read_text()) for file in files]
    assert all(is_alive(pid) for pid in pids)
    return pids


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_tasks_end_with_the_emulator(tmp_path: Path, ending: signal.Signals) -> None:
    with emulator(tmp_path) as started:
        poll(started.is_ready, START_TIMEOUT_SECONDS)
        pids = start_task(started, tmp_path)
        started.process.send_signal(ending)
        started.process.wait(30)
        poll(lambda: not any(is_alive(pid) for pid in pids), what=f"the end of {pids}")
        directory = Path((tmp_path / "directory").read_text().strip())
        poll(lambda: not directory.exists(), what=f"the end of {directory}")


def test_wrong_configuration_does_not_start(tmp_path: Path) -> None:
    with emulator(tmp_path, FARGATE_LAUNCHER="rocket") as started:
        assert started.process.wait(START_TIMEOUT_SECONDS) == 1
        assert "FARGATE_LAUNCHER=rocket: no such launcher" in started.log.read_text()
