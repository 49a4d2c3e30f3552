"""The tables of docs/costs.md, and the numbers in its text."""

import re
from itertools import pairwise

import pytest

from infra.tests.template import properties, read_template
from infra.tests.test_notifications import followers
from scripts.costs import (
    ADDRESS_HOUR,
    DOCS,
    FRAMES,
    PUT,
    SIZES,
    TRANSITIONS,
    Measured,
    Size,
    read_benchmarks,
    with_costs,
)  # fmt: skip

CLIP = Measured("camera", "", cpu=36.0, wall=20.0)  # ten frames per CPU second


def test_the_document_is_up_to_date() -> None:
    text = (DOCS / "costs.md").read_text()
    assert with_costs(text, (DOCS / "benchmarks.md").read_text()) == text, "run: python -m scripts.costs"


def test_each_clip_of_the_benchmark_is_read() -> None:
    clips = read_benchmarks((DOCS / "benchmarks.md").read_text())
    assert set(clips) == set(FRAMES)
    assert all(clip.wall < clip.cpu for clip in clips.values())


def test_the_frames_are_those_of_the_clips() -> None:
    source = (DOCS.parent / "scripts" / "bench_clips.py").read_text()
    rate = int(re.findall(r"^RATE = (\d+)", source, re.MULTILINE)[0])
    lengths = re.findall(r'Clip\(\s*"(\w+)", ".+?", \d+, \d+, (\d+), \w+,', source)
    film = "animation"
    assert {name: int(seconds) * rate for name, seconds in lengths if name != film} == {
        name: frames for name, frames in FRAMES.items() if name != film
    }


def test_time_is_cpu_time_by_vcpus() -> None:
    assert CLIP.hours(Size(1, 2)) == pytest.approx(3.0)  # 108,000 frames at 10 a second
    assert CLIP.hours(Size(0.25, 0.5)) == pytest.approx(12.0)
    assert CLIP.hours(Size(2, 4)) == pytest.approx(108000 / 18 / 3600)  # as measured, of which less than two were busy


def test_an_hour_of_a_task_is_cpu_memory_and_address() -> None:
    assert Size(1, 2).per_hour("x86") == pytest.approx(0.04048 + 2 * 0.004445 + 0.005)
    assert Size(1, 2).per_hour("x86", spot=True) == pytest.approx((0.04048 + 2 * 0.004445) * 0.33 + 0.005)
    assert Size(1, 2).per_hour("ARM") < Size(1, 2).per_hour("x86")


def test_what_the_text_says_follows_from_the_tables() -> None:
    camera = read_benchmarks((DOCS / "benchmarks.md").read_text())["camera"]
    smallest, one = SIZES[0], Size(1, 2)
    assert camera.cost(smallest) > 1.2 * camera.cost(one)
    assert camera.hours(smallest) > 6 > camera.hours(smallest) * 50 / 60
    task = smallest.per_hour("x86") - ADDRESS_HOUR
    beside = ADDRESS_HOUR + camera.records(smallest) / camera.hours(smallest) * PUT
    assert beside == pytest.approx(task, rel=0.2)


def test_a_job_has_as_many_transitions_as_are_paid_for() -> None:
    """The way of a job whose first attempt succeeds, state by state."""
    way = [
        "FirstAttempt", "SmallestSize", "WhereToRun", "RunWorker", "SayNothingRecorded", "BeginRecording", "ReadRecord",
        "IsTheRecordTerminal", "TellOfTheEnd", "HowDidTheJobEnd", "Succeeded",
    ]  # fmt: skip
    definition = properties(read_template(), "StateMachine")["Definition"]
    assert definition["StartAt"] == way[0]
    assert all(after in set(followers(definition["States"][before])) for before, after in pairwise(way))
    assert len(way) + 1 == TRANSITIONS
