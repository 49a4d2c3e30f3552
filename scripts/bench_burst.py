"""The work behind scripts/bench_burst.sh: many uploads at once, beside as many encodes without the pipeline.

The encodes keep all CPUs busy, one process on each as in a task of the smallest size. Half of them come before the
burst and half after it, so that a machine that grows slower is so for both sides.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from scripts.account import clean_up_on_sigterm, use_account
from scripts.sample_media import make_clip, make_logo
from videobatch.pipeline import TERMINAL_STATES, JobRecord, Pipeline

ROOT = Path(__file__).resolve().parent.parent
EMULATOR = str(ROOT / "scripts" / "emulator.sh")
WORKER = str(Path(sys.executable).parent / "video-worker")
UPLOADS_AT_ONCE = 8
ENCODES_PER_CPU = 5  # before the burst, and again after it
SECONDS_WITHOUT_RESULT = 120  # after which the rest counts as lost
POLL_SECONDS = 2.0


def encode_bare(clip: Path, logo: Path, scratch: Path, cpus: Sequence[int]) -> float:
    """Watermark a file as often as `ENCODES_PER_CPU` says on each CPU at once; returns seconds of wall time for one."""

    def keep_busy(cpu: int) -> None:
        for _ in range(ENCODES_PER_CPU):
            output = scratch / f"bare-{cpu}.mp4"
            command = ["taskset", "--cpu-list", str(cpu), WORKER, "local", str(clip), str(output)]
            subprocess.run([*command, "--watermark", str(logo)], check=True, capture_output=True)

    started = time.monotonic()
    with ThreadPoolExecutor(len(cpus)) as pool:
        list(pool.map(keep_busy, cpus))
    return (time.monotonic() - started) / (ENCODES_PER_CPU * len(cpus))


def send_burst(pipeline: Pipeline, clip: Path, uploads: int) -> tuple[float, list[JobRecord]]:
    """Upload a file so many times at once; returns the seconds until the last record's end, and all records."""
    started = time.time()
    names = {f"burst/{number:04}.mp4" for number in range(uploads)}
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        list(pool.map(lambda name: pipeline.upload(clip, name), sorted(names)))
    _wait_for_results(pipeline, names)
    records = _ended_records(pipeline)
    last = max((datetime.fromisoformat(record["updated_at"]).timestamp() for record in records), default=time.time())
    return last - started, records


def _wait_for_results(pipeline: Pipeline, names: set[str]) -> None:
    """Return once all are there, or none has come for a while. One call a look: the account shares our CPUs."""
    there, seen = 0, time.monotonic()
    while there < len(names) and time.monotonic() - seen < SECONDS_WITHOUT_RESULT:
        time.sleep(POLL_SECONDS)
        now = len(names & set(pipeline.result_names()))
        if now > there:
            there, seen = now, time.monotonic()
        print(f"\r{there} of {len(names)} results are there", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def _ended_records(pipeline: Pipeline) -> list[JobRecord]:
    """All records, once none of them changes any more: a result is there just before its job's end is written."""
    deadline = time.monotonic() + SECONDS_WITHOUT_RESULT
    while True:
        records = list(pipeline.records())
        if all(record["state"] in TERMINAL_STATES for record in records) or time.monotonic() > deadline:
            return records
        time.sleep(POLL_SECONDS)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench_burst.sh", description=__doc__)
    parser.add_argument("--uploads", type=int, default=200, help="how many (default: 200)")
    parser.add_argument("--seconds", type=float, default=10, help="length of the 720p clip (default: 10)")
    arguments = parser.parse_args()
    if arguments.uploads < 1 or arguments.seconds < 0.1:
        parser.error("it takes at least 1 upload, and a clip of at least 0.1 seconds")
    clean_up_on_sigterm()
    cpus = sorted(os.sched_getaffinity(0))
    up = subprocess.run([EMULATOR, "up"], check=True, capture_output=True, text=True)
    use_account(up.stdout)
    pipeline = Pipeline.of_stack()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        clip, logo = scratch / "clip.mp4", scratch / "logo.png"
        make_clip(clip, width=1280, height=720, seconds=arguments.seconds)
        make_logo(logo)
        pipeline.put_watermark(logo, "default.png")
        before = encode_bare(clip, logo, scratch, cpus)
        burst, records = send_burst(pipeline, clip, arguments.uploads)
        after = encode_bare(clip, logo, scratch, cpus)
    bare = arguments.uploads * (before + after) / 2
    states = Counter(record["state"] for record in records)
    results = set(pipeline.result_names())
    first_attempts = sum(record["attempt"] == 1 for record in records)
    print("| uploads | states | results | in the first attempt | burst | bare encodes | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    said = ", ".join(f"{number} {state}" for state, number in states.items())
    print(
        f"| {arguments.uploads} | {said} | {len(results)} | {first_attempts} "
        f"| {burst:.0f} s | {bare:.0f} s | {burst / bare:.2f} |"
    )
    print(
        f"\nA 720p clip of {arguments.seconds:g} s on {len(cpus)} CPUs. Bare: `video-worker local`, one on each CPU: "
        f"{before:.2f} s for each before the burst, {after:.2f} s after it."
    )
    return 0 if states == {"SUCCEEDED": arguments.uploads} and len(results) == arguments.uploads else 1


if __name__ == "__main__":
    sys.exit(main())
