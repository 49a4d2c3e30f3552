"""The work behind scripts/bench_path.sh: how long the account needs to start, and what it adds to a bare encode.

Everything is measured in one run, the two sides of a comparison in turn, and told as medians and ratios: absolute
times are of this machine at this hour.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from scripts.account import clean_up_on_sigterm, use_account
from scripts.sample_media import make_clip, make_logo
from videobatch.pipeline import Pipeline

ROOT = Path(__file__).resolve().parent.parent
EMULATOR = str(ROOT / "scripts" / "emulator.sh")
WORKER = str(Path(sys.executable).parent / "video-worker")
JOB_TIMEOUT_SECONDS = 600
LONGEST_CLIP_SECONDS = 300


def start_account() -> tuple[float, float]:
    """Bring a fresh account up; returns the seconds until it answered and until an upload would work."""
    subprocess.run([EMULATOR, "down"], check=True, capture_output=True)
    up = subprocess.run([EMULATOR, "up"], check=True, capture_output=True, text=True)
    use_account(up.stdout)
    found = re.search(r"after ([\d.]+) s \(it answered after ([\d.]+) s\)", up.stderr)
    if not found:
        raise RuntimeError(f"emulator.sh up said nothing of its times: {up.stderr}")
    return float(found[2]), float(found[1])


def encode_bare(clip: Path, logo: Path, scratch: Path) -> float:
    """Watermark a file without any AWS; returns seconds."""
    started = time.monotonic()
    subprocess.run(
        [WORKER, "local", str(clip), str(scratch / "bare.mp4"), "--watermark", str(logo)],
        check=True,
        capture_output=True,
    )
    return time.monotonic() - started


def send_through(pipeline: Pipeline, clip: Path, name: str) -> tuple[float, float, float]:
    """Send a file through the pipeline; returns the seconds of the upload, from it to the handler, and to the end."""
    started = time.time()
    version_id = pipeline.upload(clip, name)
    uploaded = time.time()
    *_, record = pipeline.follow(version_id, timeout=JOB_TIMEOUT_SECONDS, poll=0.05)
    finished = time.time()
    if record["state"] != "SUCCEEDED":
        raise RuntimeError(f"the job did not succeed: {record}")
    handled = datetime.fromisoformat(record["created_at"]).timestamp()
    return uploaded - started, handled - uploaded, finished - started


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="bench_path.sh", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each side (default: 7)")
    parser.add_argument("--seconds", type=float, default=10, help="length of the 720p clip (default: 10)")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or not 0.1 <= arguments.seconds <= LONGEST_CLIP_SECONDS:
        parser.error(f"it takes at least 1 round, and a clip of 0.1 to {LONGEST_CLIP_SECONDS} seconds")
    clean_up_on_sigterm()
    starts = [start_account() for _ in range(3)]
    pipeline = Pipeline.of_stack()
    bare, whole, uploads, handler = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        clip, logo = scratch / "clip.mp4", scratch / "logo.png"
        make_clip(clip, width=1280, height=720, seconds=arguments.seconds)
        make_logo(logo)
        pipeline.put_watermark(logo, "default.png")
        send_through(pipeline, clip, "warm-up.mp4")
        for number in range(arguments.rounds):
            bare.append(encode_bare(clip, logo, scratch))
            upload, handled, total = send_through(pipeline, clip, f"{number}.mp4")
            uploads.append(upload)
            handler.append(handled)
            whole.append(total)
    middle = statistics.median
    answered, ready = (middle(times) for times in zip(*starts, strict=True))
    print("| what | median | compared with | median | ratio |")
    print("| --- | --- | --- | --- | --- |")
    rows = [
        ("start to ready: emulator, stack, watermark", ready, "the emulator alone answers", answered),
        ("upload to handler (warm)", middle(handler), "the upload itself (one PutObject)", middle(uploads)),
        ("S3 in to S3 out", middle(whole), f"bare encode of the {arguments.seconds:g} s 720p clip", middle(bare)),
    ]
    for name, value, other, reference in rows:
        print(f"| {name} | {value:.2f} s | {other} | {reference:.2f} s | {value / reference:.2f} |")
    print(f"\nThe path adds {middle(whole) - middle(bare):.2f} s to a video. {arguments.rounds} rounds, sides in turn.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
