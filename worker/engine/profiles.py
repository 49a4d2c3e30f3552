"""How hard an encoder works: one table of profiles, each with a row for every encoder that it may need."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Effort:
    """Settings of one encoder; `worker.engine.encoders` says them in its own words.

    Attributes:
        preset: The encoder's own name for a set of choices.
        crf: Constant rate factor; lower is better and larger. The scale is each encoder's own.
        lookahead: Frames that rate control sees in advance; each is held in memory.
        parameters: What else is other than in the preset, in the encoder's own words.
    """

    preset: str
    crf: float
    lookahead: int
    parameters: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """What a user chooses by its name.

    Attributes:
        h264: For a picture of 8 bits: libx264.
        h264_of_detail: The same for sources of more bits for each pixel than the first of a pair says, most first. Bits
            count as those of H.264.
        hevc: For one of 10 bits: libx265.
        av1: For both where it is set: libsvtav1. What AV1 cannot hold falls back to the others.
    """

    h264: Effort
    hevc: Effort
    av1: Effort | None = None
    h264_of_detail: tuple[tuple[float, Effort], ...] = ()


SMALL_BLOCKS = 16

# What x264's superfast leaves out and is worth its time: macroblock-tree rate control, trellis and subpixel refinement
# save bits for the same VMAF; little adaptive quantisation gives VMAF. With 10 frames of lookahead a lower rate factor
# gives more for the same bits than 20 do.
_TUNED = {"mbtree": 1, "trellis": 1, "subme": 2, "aq-strength": 0.15}
# Noise and fine texture take most of the time and bits, and VMAF hardly sees them: refinement is not worth its time.
_TUNED_TO_DETAIL = _TUNED | {"subme": 1}

# `scripts/bench.sh` shows what comes of each, against ffmpeg's defaults: medium and 23.
PROFILES = {
    # No trellis, for a point or two of VMAF.
    "fast": Profile(
        h264=Effort("superfast", crf=22.5, lookahead=10, parameters={"mbtree": 1, "aq-strength": 0.15}),
        hevc=Effort("ultrafast", crf=22.5, lookahead=5, parameters={"ctu": SMALL_BLOCKS}),
    ),
    "balanced": Profile(
        h264=Effort("superfast", crf=21, lookahead=10, parameters=_TUNED),
        h264_of_detail=(
            (0.5, Effort("superfast", crf=21.7, lookahead=10, parameters=_TUNED_TO_DETAIL)),  # 31 Mb/s for 1080p30
            (0.15, Effort("superfast", crf=21.2, lookahead=10, parameters=_TUNED_TO_DETAIL)),  # a phone has 0.27
        ),
        # Blocks of at most 16 take less time and memory; subpixel refinement saves a quarter of the bits.
        hevc=Effort("ultrafast", crf=19.6, lookahead=5, parameters={"ctu": SMALL_BLOCKS, "subme": 1}),
    ),
    "best": Profile(
        h264=Effort("medium", crf=19, lookahead=30),
        hevc=Effort("fast", crf=19, lookahead=15),
    ),
}
PROFILES["av1"] = replace(PROFILES["balanced"], av1=Effort("11", crf=27, lookahead=16))
DEFAULT = "balanced"
