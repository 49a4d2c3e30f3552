"""How hard the encoder works: one table."""

from dataclasses import dataclass
from math import ceil

MIN_MAX_RATE = 500_000  # bits per second: below, a cap would harm the picture and save nothing worth having


@dataclass(frozen=True)
class Profile:
    """Settings of libx264.

    Attributes:
        preset: x264's own name for a set of choices.
        crf: Constant rate factor; lower is better and larger.
        lookahead: Frames that rate control sees in advance; each is held in memory.
    """

    preset: str
    crf: float
    lookahead: int

    def options(self, source_bit_rate: int, cpus: float) -> dict[str, str]:
        """Return libx264's options.

        Args:
            source_bit_rate: Bits per second of the source's video stream, 0 if unknown. The result gets at most 1.4
                times that, so that with the container's overhead it stays below 1.5.
            cpus: How many there are. Up to one, a single thread saves 6–12 % CPU and some 100 MB, and keeps 1080p
                within a task of 512 MB.
        """
        options = {
            "preset": self.preset,
            "crf": f"{self.crf:g}",
            "profile": "high",
            "rc-lookahead": str(self.lookahead),
            "threads": str(max(1, ceil(cpus))),
        }
        if source_bit_rate:
            rate = max(int(source_bit_rate * 1.4), MIN_MAX_RATE)
            options |= {"maxrate": str(rate), "bufsize": str(rate * 2)}
        return options


# Measured on a 12 s 1080p30 clip: veryfast at 19 to 20 gives at least the VMAF of ffmpeg's defaults (medium, 23)
# for about half the CPU time; one thread and 20 frames of lookahead bound the memory.
PROFILES = {"balanced": Profile(preset="veryfast", crf=20, lookahead=20)}
