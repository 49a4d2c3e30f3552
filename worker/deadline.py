"""How long a job may take as a whole: long for a long video, so that a short one that hangs is ended soon.

What a job takes in time depends on the machine, so this is no forecast: what is five times slower than the slowest that
was measured does not get on any more. The bound of all bounds is the state machine's own (TaskTimeoutSeconds).
"""

import time
from collections.abc import Callable

from worker.errors import StepTimeout

BASE_SECONDS = 1800.0  # for what does not depend on the video, on a machine that has other work too
BYTES_PER_SECOND = 1_000_000  # fetched and published again; Fargate moves some 50 times as many
PIXELS_PER_CPU_SECOND = 2_000_000  # the profile `best` does 9 million of 1080p with 10 bits (docs/benchmarks.md)


class Deadline:
    """The end of the time that one attempt at a job may take; it begins now.

    Attributes:
        seconds: How long that is, as far as the video is known.
    """

    def __init__(self, cpus: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._cpus, self._clock, self._began = cpus, clock, clock()
        self._video = "a video that is not known yet"
        self.seconds = BASE_SECONDS

    def allow_for_bytes(self, size: int) -> None:
        """Allow the time that a video of this size takes."""
        self.seconds += size / BYTES_PER_SECOND
        self._video = f"a video of {size / 1_000_000:.1f} MB"

    def allow_for_picture(self, duration: float, pixels: float) -> None:
        """Allow the time that its picture takes.

        Args:
            duration: Seconds of video.
            pixels: Of all frames together.
        """
        self.seconds += pixels / (PIXELS_PER_CPU_SECOND * self._cpus)
        self._video += f" and {duration:.0f} s"

    def check(self) -> None:
        """Raise StepTimeout if the time is over."""
        taken = self._clock() - self._began
        if taken > self.seconds:
            raise StepTimeout(
                f"The job was stopped after {taken:.0f} s: {self._video} may take {self.seconds:.0f} s "
                f"with {self._cpus:g} CPUs."
            )
