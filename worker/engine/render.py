"""Which way a video goes: encoded is only what the watermark touches where that is provably right, else all of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Literal

from worker.engine.encode import Blends, Encoded, encode
from worker.engine.encoders import Coding
from worker.engine.probe import Probe
from worker.engine.result import ResultFile
from worker.engine.smart.plan import NotSmart, plan_render
from worker.engine.smart.splice import splice
from worker.engine.timeline import Timeline


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


def render(
    file: BinaryIO,
    output: ResultFile,
    probed: Probe,
    blender: Blends,
    timeline: Timeline,
    coding: Coding,
    cpus: float,
    progress: Callable[[float], None],
    finishing: Callable[[], None] = lambda: None,
) -> tuple[Encoded, Way]:
    """Write the watermarked video; arguments and errors are those of `worker.engine.encode.encode`.

    Args:
        timeline: Says of which frames the watermark is a part.
    """
    try:
        if coding.codec != "h264":
            raise NotSmart("The result is not coded as H.264.")
        plan = plan_render(file, probed, timeline, lambda: progress(0.0))
        encoded = splice(file, output, probed, blender, plan, coding, progress, finishing)
    except NotSmart as why:
        encoded = encode(file, output, probed, blender, coding, cpus, progress, finishing)
        return encoded, Way("full", str(why), encoded.frames)
    return encoded, Way("smart", plan.share(), plan.frames_encoded)
