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


# x264's superfast leaves out what its speed does not need to: macroblock-tree rate control costs little and saves a
# third of the bits, trellis gives a point of VMAF for some 12 % of the time, subpixel refinement 2 saves 5 % of the
# bits for another 15 %, and half the adaptive quantisation gives a point of VMAF. What that leaves of medium's time is
# 0.31 to 0.35 (veryfast: 0.34 to 0.42, and no better), on camera, phone, screen and animation alike.
_TUNED = {"mbtree": 1, "trellis": 1, "subme": 2, "aq-strength": 0.5}

# Measured against ffmpeg's defaults, medium and 23, with one thread; `scripts/bench.sh` shows what comes of it.
PROFILES = {
    # No trellis and half the lookahead: 0.2 of medium's time, for a point of VMAF.
    "fast": Profile(
        h264=Effort("superfast", crf=22, lookahead=10, parameters={"mbtree": 1, "aq-strength": 0.5}),
        # x265 holds some 20 MB for each 1080p frame of 10 bits that it looks ahead: 340 MB here, 470 MB at superfast.
        hevc=Effort("ultrafast", crf=21, lookahead=5, b_frames=0),
    ),
    # 21.7: at 22 phone and animation lose a third of a point of VMAF to ffmpeg's defaults, at 21.5 the noisy camera
    # takes 1.37 times their bytes. Half the lookahead saves bits, but costs up to 0.0024 of SSIM.
    "balanced": Profile(
        h264=Effort("superfast", crf=21.7, lookahead=20, parameters=_TUNED),
        hevc=Effort("superfast", crf=20, lookahead=5),
    ),
    "best": Profile(
        h264=Effort("medium", crf=19, lookahead=30),
        hevc=Effort("fast", crf=19, lookahead=15),
    ),
}
# Preset 10 is as fast as 12 where the rest of the work is counted in, and saves 8 to 12 % of the bytes; 8 takes twice
# the time.
PROFILES["av1"] = Profile(
    h264=PROFILES["balanced"].h264, hevc=PROFILES["balanced"].hevc, av1=Effort("10", crf=27, lookahead=16)
)
DEFAULT = "balanced"
