"""How hard an encoder works: one table of profiles, each with a row for every encoder that it may need."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Effort:
    """Settings of one encoder; `worker.engine.encoders` says them in its own words.

    Attributes:
        preset: The encoder's own name for a set of choices.
        crf: Constant rate factor; lower is better and larger. The scale is each encoder's own.
        lookahead: Frames that rate control sees in advance; each is held in memory.
        b_frames: Frames in a row that may be coded from both sides; each is held in memory. None: what the preset says.
        parameters: What else is other than in the preset, in the encoder's own words.
    """

    preset: str
    crf: float
    lookahead: int
    b_frames: int | None = None
    parameters: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """What a user chooses by its name.

    Attributes:
        h264: For a picture of 8 bits: libx264.
        hevc: For one of 10 bits: libx265.
        av1: For both where it is set: libsvtav1. What AV1 cannot hold falls back to the others.
    """

    h264: Effort
    hevc: Effort
    av1: Effort | None = None


# Measured on a 12 s 1080p30 clip: x264 veryfast at 19 to 20 gives at least the VMAF of ffmpeg's defaults (medium, 23)
# for about half the CPU time; one thread and 20 frames of lookahead bound the memory. SVT-AV1 at 12 and 25 needs 0.37
# of their CPU time for 0.84 of their bits. x265 holds some 20 MB for each 1080p frame of 10 bits that it looks ahead:
# 340 MB at ultrafast with 5 frames and without B-frames, 470 MB at superfast with 5.
PROFILES = {
    "fast": Profile(
        h264=Effort("superfast", crf=21, lookahead=10),
        hevc=Effort("ultrafast", crf=21, lookahead=5, b_frames=0),
    ),
    "balanced": Profile(
        h264=Effort("veryfast", crf=20, lookahead=20),
        hevc=Effort("superfast", crf=20, lookahead=5),
    ),
    "best": Profile(
        h264=Effort("medium", crf=19, lookahead=30),
        hevc=Effort("fast", crf=19, lookahead=15),
    ),
}
PROFILES["av1"] = Profile(
    h264=PROFILES["balanced"].h264, hevc=PROFILES["balanced"].hevc, av1=Effort("12", crf=25, lookahead=16)
)
DEFAULT = "balanced"
