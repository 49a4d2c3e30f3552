"""No job takes for ever, even if it never stands still."""

from pathlib import Path

import pytest

from worker.deadline import Deadline
from worker.errors import StepTimeout
from worker.tests.world import World


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_long_video_may_take_long_and_a_small_task_longer() -> None:
    clock = Clock()
    deadline = Deadline(0.25, clock)
    assert deadline.seconds == 1800
    deadline.allow_for_bytes(600_000_000)
    deadline.allow_for_picture(duration=600, pixels=600 * 30 * 1920 * 1080)
    assert deadline.seconds == pytest.approx(1800 + 600 + 74_649.6)
    clock.now += deadline.seconds
    deadline.check()
    clock.now += 1
    with pytest.raises(StepTimeout) as caught:
        deadline.check()
    assert caught.value.message == (
        "The job was stopped after 77051 s: a video of 600.0 MB and 600 s may take 77050 s with 0.25 CPUs."
    )


def test_a_job_that_takes_too_long_is_stopped_with_numbers_and_may_be_tried_again(
    world: World, long_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.deadline.PIXELS_PER_CPU_SECOND", -1)  # as if the time were over once it is probed
    assert world.run(world.upload(long_clip.read_bytes())) == StepTimeout.exit_code
    record = world.record
    assert (record["state"], record["error"]["code"], record["error"]["retryable"]) == ("RUNNING", "TIMEOUT", True)
    assert "a video of 1.2 MB and 5 s may take" in record["error"]["message"]
    assert world.keys("processed-videos/") == []
