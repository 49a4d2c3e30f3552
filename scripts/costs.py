"""What a video costs at AWS, from list prices and this project's own benchmark: python -m scripts.costs.

Writes the tables of docs/costs.md.
"""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.readme import replace_between_markers
from worker.record import SECONDS_BETWEEN_PROGRESS

DOCS = Path(__file__).resolve().parent.parent / "docs"

# USD, us-east-1, list prices of June 2025.
VCPU_HOUR = {"x86": 0.04048, "ARM": 0.03238}
GB_HOUR = {"x86": 0.004445, "ARM": 0.00356}
SPOT_SHARE = 0.33  # of the price on demand; it moves with what AWS has to spare
ADDRESS_HOUR = 0.005  # a public IPv4 address
TRANSITION = 0.025 / 1000  # Step Functions, standard workflows
INVOCATION, FUNCTION_GB_SECOND = 0.20 / 1e6, 0.0000166667
PUT, GET = 0.005 / 1000, 0.0004 / 1000
ENDPOINT_HOUR = 0.01  # an interface endpoint, in each zone
KEY_MONTH = 1.0

HOURS_A_MONTH = 730
ENDPOINTS, ZONES = 3, 2  # of PrivateSubnets

RATE = 30  # frames a second, of the video that is reckoned with
START_SECONDS = 45  # pulling the image and starting, which Fargate bills too
TRANSITIONS = 12  # of a job whose first attempt succeeds, its start included
FUNCTION_GB, FUNCTION_SECONDS, FUNCTIONS = 0.25, 0.5, 2  # what starts a job, and what reports its end

# Frames of the clips of scripts/bench_clips.py; the film has its own rate.
FRAMES = {"camera": 360, "screen": 600, "animation": 792, "4k": 150, "hevc10": 240, "phone": 360}
BENCHMARK_VCPUS = 2

VCPUS_OF_NEW_ACCOUNTS = 6
MORE_VCPUS = 100


@dataclass(frozen=True)
class Size:
    """A task's size on Fargate, in vCPUs and GB."""

    vcpu: float
    gb: float

    def per_hour(self, architecture: str, spot: bool = False) -> float:
        """USD for an hour of it, with its public address."""
        task = self.vcpu * VCPU_HOUR[architecture] + self.gb * GB_HOUR[architecture]
        return task * (SPOT_SHARE if spot else 1) + ADDRESS_HOUR


SIZES = (Size(0.25, 0.5), Size(0.5, 1), Size(1, 2), Size(2, 4))


@dataclass(frozen=True)
class Measured:
    """What the benchmark says of a clip in the profile ``balanced``, on two CPUs.

    Attributes:
        says: What the clip stands for.
        cpu: CPU seconds of all processes for the whole clip.
        wall: Seconds from start to end.
    """

    name: str
    says: str
    cpu: float
    wall: float

    @property
    def frames_per_cpu_second(self) -> float:
        return FRAMES[self.name] / self.cpu

    def hours(self, size: Size) -> float:
        """How long a task of this size works on an hour of such video.

        Up to one vCPU it is the CPU time that counts; on the benchmark's own two, the time that it measured.
        """
        frames = 3600 * RATE
        if size.vcpu == BENCHMARK_VCPUS:
            return frames / (FRAMES[self.name] / self.wall) / 3600
        return frames / self.frames_per_cpu_second / size.vcpu / 3600

    def cost(self, size: Size, architecture: str = "x86", spot: bool = False) -> float:
        """USD for an hour of such video: the task, its start and its records."""
        hours = self.hours(size)
        return (hours + START_SECONDS / 3600) * size.per_hour(architecture, spot) + self.records(size) * PUT

    def records(self, size: Size) -> float:
        """How often the job's record is written for an hour of such video."""
        return self.hours(size) * 3600 / SECONDS_BETWEEN_PROGRESS


def read_benchmarks(text: str) -> dict[str, Measured]:
    """Clip → what docs/benchmarks.md says of the profile ``balanced``."""
    sections = re.findall(
        r"^## (\w+): (.+)\n(?:.*\n)*?\| balanced \| ([\d.]+) \| [\d.]+× \| ([\d.]+) \|", text, re.MULTILINE
    )
    return {name: Measured(name, says, float(cpu), float(wall)) for name, says, cpu, wall in sections}


def price_table() -> str:
    """The prices that all else is reckoned from."""
    rows = [
        ("Fargate, an hour of a vCPU", f"{VCPU_HOUR['x86']} x86, {VCPU_HOUR['ARM']} ARM"),
        ("Fargate, an hour of a GB of memory", f"{GB_HOUR['x86']} x86, {GB_HOUR['ARM']} ARM"),
        ("Fargate Spot", f"{SPOT_SHARE} of that; it moves"),
        ("an hour of a public IPv4 address", f"{ADDRESS_HOUR}"),
        ("1000 state transitions", f"{TRANSITION * 1000:.3f}"),
        ("a million invocations; a GB-second of a function", f"{INVOCATION * 1e6:.2f}; {FUNCTION_GB_SECOND:.10f}"),
        ("1000 writes to S3; 1000 reads", f"{PUT * 1000:.3f}; {GET * 1000:.4f}"),
        ("an hour of an interface endpoint in a zone", f"{ENDPOINT_HOUR}"),
        ("a month of a KMS key", f"{KEY_MONTH:.2f}"),
    ]
    return table(("what", "USD"), rows)


def size_table(clip: Measured) -> str:
    """An hour of a clip's kind of video in each size."""
    rows = [
        (
            f"{size.vcpu:g} vCPU, {size.gb:g} GB",
            f"{clip.hours(size):.1f}",
            *(f"{clip.cost(size, kind, spot):.2f}" for kind in VCPU_HOUR for spot in (False, True)),
        )
        for size in SIZES
    ]
    return table(("task", "hours of work", "x86", "x86, Spot", "ARM", "ARM, Spot"), rows)


def clip_table(clips: dict[str, Measured], size: Size) -> str:
    """An hour of each kind of video in one size."""
    rows = [
        (
            clip.says,
            f"{clip.frames_per_cpu_second:.1f}",
            f"{clip.hours(size):.1f}",
            f"{clip.cost(size):.2f}",
            f"{clip.cost(size, spot=True):.2f}",
        )
        for clip in clips.values()
    ]
    return table(("video", "frames per CPU second", "hours of work", "x86", "x86, Spot"), rows)


def arithmetic(clip: Measured) -> str:
    """One row of the table of sizes, step by step."""
    size, hour = Size(1, 2), Size(1, 2).per_hour("x86")
    hours, records, rate = clip.hours(size), clip.records(size), clip.frames_per_cpu_second
    total, written = clip.cost(size), records * PUT
    sentences = (
        f"The arithmetic, for {size.vcpu} vCPU on x86: an hour has 3600 × {RATE} = {3600 * RATE:,} frames.",
        f"`balanced` does {FRAMES[clip.name]} frames in {clip.cpu} CPU seconds, so {rate:.1f} a second, and needs",
        f"{hours * 3600:,.0f} s = {hours:.3f} h; {START_SECONDS} s more to start. An hour of the task is",
        f"{size.vcpu} × {VCPU_HOUR['x86']} + {size.gb} × {GB_HOUR['x86']} = {hour - ADDRESS_HOUR:.4f}, and",
        f"{ADDRESS_HOUR} for its address:",
        f"({hours:.3f} + {START_SECONDS / 3600:.4f}) × {hour:.4f} = {total - written:.3f}.",
        f"The record is written every {SECONDS_BETWEEN_PROGRESS:g} s, {records:,.0f} times for {written:.3f}:",
        f"{total:.3f} together.",
    )
    return textwrap.fill(" ".join(sentences), 120)


def throughput(clip: Measured) -> str:
    """How much a quota of vCPUs does."""
    rows = []
    for vcpus in (VCPUS_OF_NEW_ACCOUNTS, MORE_VCPUS):
        frames = vcpus * clip.frames_per_cpu_second
        ten_minutes = 600 * RATE / clip.frames_per_cpu_second
        rows.append(
            (
                str(vcpus),
                f"{vcpus * 4} of 0.25 vCPU, {vcpus} of 1",
                f"{frames:,.0f}",
                f"{frames / RATE:,.1f}",
                f"{vcpus * 3600 / ten_minutes:,.0f}",
            )
        )
    head = (
        "vCPUs",
        "tasks at a time",
        "frames a second",
        "hours of video in an hour",
        "videos of ten minutes in an hour",
    )
    return table(head, rows)


def job_table() -> str:
    """What a job costs besides its task, however long its video is; and what a stack costs that does nothing."""
    functions = FUNCTIONS * (INVOCATION + FUNCTION_SECONDS * FUNCTION_GB * FUNCTION_GB_SECOND)
    start = START_SECONDS / 3600 * SIZES[0].per_hour("x86")
    rows = [
        (f"{TRANSITIONS} state transitions", f"{TRANSITIONS * TRANSITION:.6f}"),
        (f"{FUNCTIONS} invocations of {FUNCTION_SECONDS} s and {FUNCTION_GB} GB", f"{functions:.6f}"),
        (f"{START_SECONDS} s in which the smallest task starts", f"{start:.6f}"),
        (f"`PrivateSubnets`: {ENDPOINTS} endpoints in {ZONES} zones, a month",
         f"{ENDPOINTS * ZONES * ENDPOINT_HOUR * HOURS_A_MONTH:.2f}"),
        ("`KmsKeyArn`: a key of your own, a month", f"{KEY_MONTH:.2f}"),
    ]  # fmt: skip
    return table(("what", "USD"), rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows))


def with_costs(text: str, benchmarks: str) -> str:
    """The document's text with its tables made anew."""
    clips = read_benchmarks(benchmarks)
    for name, content in {
        "prices": price_table(),
        "sizes": size_table(clips["camera"]),
        "arithmetic": arithmetic(clips["camera"]),
        "throughput": throughput(clips["camera"]),
        "videos": clip_table(clips, Size(1, 2)),
        "jobs": job_table(),
    }.items():
        text = replace_between_markers(text, name, content)
    return text


def main() -> None:
    """Write the document anew."""
    document = DOCS / "costs.md"
    document.write_text(with_costs(document.read_text(), (DOCS / "benchmarks.md").read_text()))


if __name__ == "__main__":
    main()
