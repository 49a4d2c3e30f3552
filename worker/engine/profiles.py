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


# What x264's superfast leaves out and is worth its time: macroblock-tree rate control and trellis save bits for the
# same VMAF, subpixel refinement 2 some more, and half the adaptive quantisation gives VMAF. With one thread that takes
# 0.30 (noisy camera) to 0.46 (screen recording) of the time of ffmpeg's defaults, where veryfast takes 0.40 and more.
_TUNED = {"mbtree": 1, "trellis": 1, "subme": 2, "aq-strength": 0.5}

# `scripts/bench.sh` shows what comes of each, against ffmpeg's defaults: medium and 23.
PROFILES = {
    # No trellis and half the lookahead, for a point or two of VMAF.
    "fast": Profile(
        h264=Effort("superfast", crf=22, lookahead=10, parameters={"mbtree": 1, "aq-strength": 0.5}),
        # x265 holds some 20 MB for each 1080p frame of 10 bits that it looks ahead: 340 MB here, 470 MB at superfast.
        hevc=Effort("ultrafast", crf=21, lookahead=5, b_frames=0),
    ),
    # 21.7: at 21.5 the noisy camera takes 1.37 times the bytes of ffmpeg's defaults.
    "balanced": Profile(
        h264=Effort("superfast", crf=21.7, lookahead=20, parameters=_TUNED),
        hevc=Effort("superfast", crf=20, lookahead=5),
    ),
    "best": Profile(
        h264=Effort("medium", crf=19, lookahead=30),
        hevc=Effort("fast", crf=19, lookahead=15),
    ),
}
# At 27 the colours of a mark are off by more than 3 of 255.
PROFILES["av1"] = Profile(
    h264=PROFILES["balanced"].h264, hevc=PROFILES["balanced"].hevc, av1=Effort("10", crf=25, lookahead=16)
)
DEFAULT = "balanced"
