"""Which way a video goes: encoded is only what the watermark touches where the rest can be copied, else all of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Literal

from worker.engine.encode import encode
from worker.engine.encoders import Coding
from worker.engine.headers import keep_creation_time, keep_hidden_samples, write_in_room
from worker.engine.pipeline import Blends, Encoded
from worker.engine.probe import Probe
from worker.engine.result import ResultFile
from worker.engine.smart.groups import NotSmart
from worker.engine.smart.plan import plan_render
from worker.engine.smart.splice import splice
from worker.engine.timeline import Timeline
from worker.engine.verify import verify
from worker.errors import EncodeFailed, OutputMismatch

Progress = Callable[[float], None]
Phase = Callable[[str], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Way:
    """Which way was taken, for the job record.

    Attributes:
        mode: Whether parts of the picture were copied.
        reason: A sentence.
    """

    mode: Literal["smart", "full"]
    reason: str
    frames_encoded: int


@dataclass(frozen=True)
class Rendered:
    """A verified result.

    Attributes:
        duration: Seconds.
    """

    encoded: Encoded
    duration: float
    way: Way


def render(
    file: BinaryIO,
    output: ResultFile,
    probed: Probe,
    blender: Blends,
    timeline: Timeline,
    coding: Coding,
    cpus: float,
    smart: bool,
    phase: Phase,
    finishing: Callable[[], None] = lambda: None,
) -> Rendered:
    """Write the watermarked video and verify it; other arguments and errors are those of `worker.engine.encode.encode`.

    Of what is copied, damage within groups of pictures is not seen (`worker.engine.smart.seams`).

    Args:
        timeline: Says of which frames the watermark is a part.
        smart: Whether parts may be copied.
        phase: Begins the phase of this name; what it gives takes the share of it that is done.

    Raises:
        OutputMismatch
    """

    def rendered(write: Callable[[Progress], tuple[Encoded, Way]]) -> Rendered:
        with phase("ENCODING") as progress:
            encoded, way = write(progress)
            keep_creation_time(file, output)
            keep_hidden_samples(output, encoded.streams)
        with phase("VERIFYING") as progress:
            return Rendered(encoded, verify(output, probed, encoded, progress, coding.threads), way)

    def in_parts(progress: Progress) -> tuple[Encoded, Way]:
        if not smart:
            raise NotSmart("To encode all of it was asked for.")
        if coding.codec != "h264":
            raise NotSmart("The result is not coded as H.264.")
        plan = plan_render(file, probed, timeline, lambda: progress(0.0))
        encoded = splice(file, output, probed, blender, plan, coding, progress, finishing)
        return encoded, Way("smart", plan.share(), plan.frames_encoded)

    def as_a_whole(progress: Progress) -> tuple[Encoded, Way]:
        encoded = encode(file, output, probed, blender, coding, cpus, progress, finishing)
        write_in_room(output, probed.light_boxes)
        return encoded, Way("full", why, encoded.frames)

    try:
        return rendered(in_parts)
    except (EncodeFailed, OutputMismatch) as error:  # a muxer or decoder that does not bear it, or damage
        why = f"Putting it together of copied parts failed. {error.message}"
    except NotSmart as error:
        why = str(error)
    return rendered(as_a_whole)
