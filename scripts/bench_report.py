"""What scripts/bench.sh found, as Markdown: a table for each clip, and whether the aims are met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from scripts.bench_quality import Quality
from scripts.bench_run import MEGABYTE, Run

NAIVE, MOVIEPY = "ffmpeg", "moviepy"
PROFILES = ("balanced", "fast", "best", "av1")
# Means over frames, to the digit that is shown: encoders of several threads, and rounding, move them by less.
VMAF_ROUNDING, SSIM_ROUNDING = 0.05, 0.00005


@dataclass(frozen=True)
class Result:
    """What one tool did with one clip: medians of its rounds, and the file it made.

    Attributes:
        cpu, wall: Seconds.
        memory, size: Bytes.
        quality: None if the result has other frames than its source.
    """

    cpu: float
    wall: float
    memory: float
    size: int
    quality: Quality | None

    @classmethod
    def of(cls, runs: Sequence[Run], size: int, quality: Quality | None) -> "Result":
        """Return the medians of some runs."""
        return cls(
            median(run.cpu for run in runs),
            median(run.wall for run in runs),
            median(run.memory for run in runs),
            size,
            quality,
        )


@dataclass(frozen=True)
class Aim:
    """What a profile is to reach against ffmpeg's own command, on each clip.

    Attributes:
        cpu, wall: At least so many times its speed; None: no aim.
        size: At most so much of its bytes.
    """

    cpu: float
    wall: float | None
    size: float
    vmaf_lower: float = 0.0
    ssim_lower: float = 0.001


AIMS = {"balanced": Aim(cpu=2.0, wall=1.9, size=1.35), "av1": Aim(cpu=2.2, wall=None, size=0.95)}


def misses(aim: Aim, ours: Result, naive: Result) -> list[str]:
    """Return what a result misses of its aim, each with its figure; nothing if it is met."""
    found = []
    if naive.cpu / ours.cpu < aim.cpu:
        found.append(f"CPU {naive.cpu / ours.cpu:.2f}×")
    if aim.wall and naive.wall / ours.wall < aim.wall:
        found.append(f"wall {naive.wall / ours.wall:.2f}×")
    if ours.size / naive.size > aim.size:
        found.append(f"bytes {ours.size / naive.size:.2f}×")
    if ours.quality and naive.quality:
        vmaf = ours.quality.vmaf - naive.quality.vmaf
        if vmaf < -aim.vmaf_lower - VMAF_ROUNDING:
            found.append(f"VMAF {vmaf:+.1f}")
        for name in ("outside", "inside"):
            ssim = getattr(ours.quality, name) - getattr(naive.quality, name)
            if ssim < -aim.ssim_lower - SSIM_ROUNDING:
                found.append(f"SSIM {name} {ssim:+.4f}")
    return found


def table(results: Mapping[str, Result]) -> str:
    """Return the table of one clip; the first row is ffmpeg's own command, to which ratios refer."""
    naive = results[NAIVE]
    lines = [
        "| | CPU s | speed per CPU s | wall s | speed | memory MB | MB | bytes | VMAF | SSIM outside | SSIM inside |",
        "| --- " * 11 + "|",
    ]
    for name, result in results.items():
        cells = [
            name,
            f"{result.cpu:.1f}",
            f"{naive.cpu / result.cpu:.2f}×",
            f"{result.wall:.1f}",
            f"{naive.wall / result.wall:.2f}×",
            f"{result.memory / MEGABYTE:.0f}",
            f"{result.size / MEGABYTE:.2f}",
            f"{result.size / naive.size:.2f}×",
        ]
        quality = result.quality
        cells += (
            [f"{quality.vmaf:.1f}", f"{quality.outside:.4f}", f"{quality.inside:.4f}"]
            if quality
            else ["other frames", "–", "–"]
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def summary(clips: Mapping[str, Mapping[str, Result]]) -> str:
    """Return one table over all clips: the default profile and AV1 against ffmpeg's own command."""
    lines = ["| clip | profile | frames per CPU s | speed | bytes | VMAF | SSIM outside | memory MB | aim |"]
    lines.append("| --- " * 9 + "|")
    for clip, results in clips.items():
        naive = results[NAIVE]
        for profile, aim in AIMS.items():
            if profile not in results:
                continue
            ours = results[profile]
            quality = ["–", "–"]
            if ours.quality and naive.quality:
                quality = [
                    f"{ours.quality.vmaf - naive.quality.vmaf:+.1f}",
                    f"{ours.quality.outside - naive.quality.outside:+.4f}",
                ]
            missed = misses(aim, ours, naive)
            cells = [
                clip,
                profile,
                f"{naive.cpu / ours.cpu:.2f}×",
                f"{naive.wall / ours.wall:.2f}×",
                f"{ours.size / naive.size:.2f}×",
                *quality,
                f"{naive.memory / MEGABYTE:.0f} → {ours.memory / MEGABYTE:.0f}",
                "missed: " + ", ".join(missed) if missed else "met",
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
