"""Two workers on one job, and sources that change while one works: one result, one end, and no record goes back."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from worker import settings as names
from worker.errors import Interrupted, SourceGone
from worker.tests.held import held
from worker.tests.media import make_logo
from worker.tests.world import KEY, OUTPUT, RECORD, World

CLAIMED = 'record:"publishing": true'


@pytest.fixture
def elsewhere(world: World, tmp_path: Path) -> World:
    """The same bucket, seen from another task with a disk of its own."""
    (tmp_path / "elsewhere").mkdir()
    return replace(world, folder=tmp_path / "elsewhere")


def outputs(world: World) -> list[Any]:
    """All versions of the result that there ever were."""
    found: list[Any] = world.s3.list_object_versions(Bucket=world.bucket, Prefix="processed-videos/").get(
        "Versions", []
    )
    return found


def test_a_worker_that_was_taken_for_dead_leaves_the_next_attempt_alone(
    world: World, elsewhere: World, video: bytes
) -> None:
    environment = world.upload(video)
    with held(world, environment, 'record:"phase": "ENCODING"') as older:
        second = environment | {names.ATTEMPT: "2"}
        with held(elsewhere, second, 'record:"phase": "VERIFYING"') as newer:
            assert older.let_go() == Interrupted.exit_code
            record = world.record
            assert (record["state"], record["attempt"], record["phase"]) == ("RUNNING", 2, "VERIFYING")
            assert newer.let_go() == 0
    assert "attempt 2 has the record" in older.log
    assert (world.record["state"], world.record["attempt"]) == ("SUCCEEDED", 2)
    assert len(outputs(world)) == 1


def test_of_two_tasks_of_one_attempt_the_later_has_the_record(world: World, elsewhere: World, video: bytes) -> None:
    environment = world.upload(video)
    with held(world, environment, 'record:"phase": "ENCODING"') as older:
        # As a task of its own would be told from the first one: only ECS gives them names.
        record = world.record | {"task_arn": "arn:aws:ecs:us-east-1:000000000000:task/cluster/2"}
        world.put(RECORD, json.dumps(record).encode())
        assert older.let_go() == Interrupted.exit_code
    assert world.record == record
    assert elsewhere.run(environment) == 0
    assert len(outputs(world)) == 1


def test_a_task_that_starts_late_does_not_take_the_record_back(world: World, video: bytes) -> None:
    environment = world.upload(video)
    world.put(RECORD, json.dumps({"job_id": "b", "state": "RUNNING", "attempt": 3}).encode())
    before = world.get(RECORD)
    assert world.run(environment | {names.ATTEMPT: "2"}) == Interrupted.exit_code
    assert (world.get(RECORD), outputs(world)) == (before, [])


def test_two_workers_that_both_publish_write_one_result(world: World, elsewhere: World, video: bytes) -> None:
    environment = world.upload(video)
    with held(world, environment, CLAIMED) as older:
        assert elsewhere.run(environment | {names.ATTEMPT: "2"}) == 0
        done = world.record
        assert older.let_go() == 0
    assert done["state"] == "SUCCEEDED"
    assert world.record == done
    assert len(outputs(world)) == 1
    assert done["output"]["size"] == len(world.get(OUTPUT))


def replace_source(world: World, video: bytes) -> None:
    world.upload(video + b"\0" * 8)


def delete_source(world: World, _video: bytes) -> None:
    world.s3.delete_object(Bucket=world.bucket, Key=KEY)


BEFORE_THE_DOWNLOAD, AFTER_IT = 'record:"size"', 'record:"phase": "VERIFYING"'


@pytest.mark.parametrize(
    ("versioned", "moment"), [(True, BEFORE_THE_DOWNLOAD), (True, AFTER_IT), (False, BEFORE_THE_DOWNLOAD)]
)
@pytest.mark.parametrize(
    ("happens", "exit_code", "state"),
    [(replace_source, 0, "SUPERSEDED"), (delete_source, SourceGone.exit_code, "FAILED")],
)
def test_a_source_that_changes_in_mid_job(
    world: World, video: bytes, tmp_path: Path,
    happens: Callable[[World, bytes], None], exit_code: int, state: str, moment: str, versioned: bool,
) -> None:  # fmt: skip
    if not versioned:
        world.bucket += "-plain"
        world.s3.create_bucket(Bucket=world.bucket)
        world.put("watermarks/default.png", make_logo(tmp_path / "plain.png").read_bytes())
    with held(world, world.upload(video), moment) as worker:
        happens(world, video)
        assert worker.let_go() == exit_code
    assert world.record["state"] == state
    assert outputs(world) == []
