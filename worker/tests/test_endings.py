"""The exit code is that of the record's last word, whatever happens while it is written."""

import os
import subprocess
import sys

import pytest

from worker.errors import CorruptInput
from worker.storage import Storage
from worker.tests.world import OUTPUT, World

CORRUPT = b"no video at all"

# `video-worker run` that gets a SIGTERM while it writes a record with this in it, and another when it has ended.
STOPPED = """
import os, signal, sys
from worker.cli import main
from worker.storage import Storage

real = Storage.put_json

def put_and_stop(self, key, content, expected_etag):
    answer = real(self, key, content, expected_etag)
    if sys.argv[1].encode() in content:
        os.kill(os.getpid(), signal.SIGTERM)
    return answer

Storage.put_json = put_and_stop
code = main(["run"])
os.kill(os.getpid(), signal.SIGTERM)
sys.exit(code)
"""


def run_and_stop(world: World, environment: dict[str, str], at: str) -> int:
    environment = dict(os.environ) | environment | {"TMPDIR": str(world.folder)}
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, at], env=environment, capture_output=True, timeout=60, check=False
    )  # fmt: skip
    assert list(world.folder.iterdir()) == []
    return done.returncode


def test_a_signal_while_a_failure_is_written_does_not_make_it_an_interruption(world: World) -> None:
    assert run_and_stop(world, world.upload(CORRUPT), '"FAILED"') == CorruptInput.exit_code
    assert (world.record["state"], world.record["error"]["code"]) == ("FAILED", "CORRUPT_INPUT")


def test_a_signal_while_success_is_written_does_not_undo_it(world: World, video: bytes) -> None:
    assert run_and_stop(world, world.upload(video), '"SUCCEEDED"') == 0
    assert (world.record["state"], world.record["error"]) == ("SUCCEEDED", None)
    assert world.keys("processed-videos/") == [OUTPUT]


def test_a_signal_while_the_other_end_is_written_does_not_undo_it(world: World, video: bytes) -> None:
    environment = world.upload(video)
    world.upload(video + b"\0" * 8)
    assert run_and_stop(world, environment, '"SUPERSEDED"') == 0
    assert world.record["state"] == "SUPERSEDED"


@pytest.fixture
def lost_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to each write of a terminal record is lost, and the client sends the same request again."""
    real = Storage.put_json

    def put_twice(self: Storage, key: str, content: bytes, expected_etag: str | None) -> str:
        answer = real(self, key, content, expected_etag)
        ended = any(f'"{state}"'.encode() in content for state in ("FAILED", "SUCCEEDED", "SUPERSEDED"))
        return real(self, key, content, expected_etag) if ended else answer

    monkeypatch.setattr(Storage, "put_json", put_twice)


@pytest.mark.usefixtures("lost_answers")
def test_a_failure_whose_answer_is_lost_is_still_a_failure(world: World) -> None:
    assert world.run(world.upload(CORRUPT)) == CorruptInput.exit_code
    assert world.record["error"]["code"] == "CORRUPT_INPUT"


@pytest.mark.usefixtures("lost_answers")
def test_success_whose_answer_is_lost_is_still_success(world: World, video: bytes) -> None:
    assert world.run(world.upload(video)) == 0
    assert world.record["state"] == "SUCCEEDED"


@pytest.mark.usefixtures("lost_answers")
def test_the_other_end_whose_answer_is_lost_is_still_that_end(world: World, video: bytes) -> None:
    environment = world.upload(video)
    world.upload(video + b"\0" * 8)
    assert world.run(environment) == 0
    assert world.record["state"] == "SUPERSEDED"
