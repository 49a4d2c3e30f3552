"""The work behind scripts/bench_smart.sh: a short watermark in a long video, copied in parts and encoded as a whole.

Both ways are gone in turn in one run. Then both results are decoded beside the source: all frames at the same times,
the mark on the frames that it belongs to and on no other, and of the copied parts every frame the same to the bit.
"""

import argparse
import hashlib
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av import VideoFrame
from PIL import Image, ImageChops, ImageStat

from scripts.sample_media import make_logo
from worker.local import run_local
from worker.sandbox import EngineResult

RATE, GROUP = 30, 32  # frames per second, and from one IDR picture to the next, as cameras write
LOOP = 3 * GROUP  # frames that are encoded; repeated from there on. 3.2 s: as long as 150 blocks of sound
BITS_PER_PIXEL = 0.22  # 6 Mbit/s of 720p, some more than phones write
SAMPLE_RATE, BLOCK, BLOCKS = 48_000, 1024, 150
FAST_START = {"movflags": "+faststart"}
MARK = {"position": "bottom-right", "width": "15%", "margin": 0}
DIFFERENT = 8.0  # of 255, in the mark's box: above what coding changes, below what the mark does
LONGEST_SECONDS = 7200


@dataclass(frozen=True)
class Run:
    """One way, once."""

    wall: float
    cpu: float
    result: EngineResult


def make_long_clip(path: Path, size: tuple[int, int], seconds: float) -> None:
    """Write a video as from a camera: a moving, noisy picture with sound. A few seconds are encoded, then repeated."""
    loop = path.with_suffix(".loop.mp4")
    _encode_loop(loop, size)
    with (
        av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as output,
        av.open(str(loop)) as once,
    ):
        streams = [output.add_stream_from_template(stream, opaque=True) for stream in once.streams]
        for repetition in range(-int(-seconds * RATE // LOOP)):
            with av.open(str(loop)) as movie:
                for packet in movie.demux():
                    if packet.pts is None or packet.dts is None:
                        continue
                    shift = int(repetition * Fraction(LOOP, RATE) / _exact(packet.time_base))
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = streams[packet.stream_index]
                    output.mux(packet)
    loop.unlink()


def _encode_loop(path: Path, size: tuple[int, int]) -> None:
    options = {"preset": "veryfast", "g": str(GROUP), "sc_threshold": "0"}
    with av.open(str(path), "w", format="mp4") as output:
        video = output.add_stream("libx264", rate=RATE, options=options)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        video.bit_rate = round(BITS_PER_PIXEL * size[0] * size[1] * RATE)
        sound = output.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        gradient = Image.linear_gradient("L").resize((size[0] * 2, size[1]))
        for index in range(LOOP):
            left = size[0] * index // LOOP
            luma = Image.blend(gradient.crop((left, 0, left + size[0], size[1])), Image.effect_noise(size, 60), 0.15)
            frame = VideoFrame.from_image(luma.convert("RGB")).reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        packets = []
        for index in range(BLOCKS + 2):
            block = av.AudioFrame(format="fltp", layout="mono", samples=BLOCK)
            block.planes[0].update(bytes(block.planes[0].buffer_size))
            block.sample_rate, block.pts, block.time_base = SAMPLE_RATE, index * BLOCK, Fraction(1, SAMPLE_RATE)
            packets += sound.encode(block)
        output.mux([packet for packet in packets if packet.pts is not None and 0 <= packet.pts < BLOCKS * BLOCK])


def run(source: Path, output: Path, mark: Path, *, smart: bool) -> Run:
    """Watermark the clip."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    result = run_local(source, output, mark, lambda *_: None, smart=smart)
    wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    wanted = "smart" if smart else "full"
    if result.render["mode"] != wanted:
        raise RuntimeError(f"the {wanted} way was not taken: {result.render['reason']}")
    return Run(wall, cpu, result)


@dataclass
class Compared:
    """A result beside its source: numbers of frames."""

    frames: int = 0
    marked: int = 0
    same: int = 0


def compare(source: Path, output: Path, start: float, end: float) -> Compared:
    """Decode both and compare them.

    Raises:
        RuntimeError: A frame is missing, at another time, or has the mark where it should not, or has none.
    """
    found = Compared()
    for before, after in zip(_frames(source), _frames(output), strict=True):
        if before.pts is None or after.pts is None or _seconds(before) != _seconds(after):
            raise RuntimeError(f"frame {found.frames} has another time: {after.pts} instead of {before.pts}")
        marked = _difference(before, after) > DIFFERENT
        if marked != (start <= float(_seconds(before)) < end):
            raise RuntimeError(f"frame {found.frames} {'has the mark' if marked else 'lacks the mark'}")
        found.frames += 1
        found.marked += marked
        found.same += _digest(before) == _digest(after)
    return found


def _frames(path: Path) -> Iterator[VideoFrame]:
    with av.open(str(path)) as movie:
        movie.streams.video[0].thread_type = "AUTO"
        yield from movie.decode(video=0)


def _seconds(frame: VideoFrame) -> Fraction:
    return (frame.pts or 0) * _exact(frame.time_base)


def _exact(rational: "av.rational.AVRational") -> Fraction:
    return Fraction(rational.numerator, rational.denominator)


def _difference(before: VideoFrame, after: VideoFrame) -> float:
    """Return by how much the luma differs on average in the middle of the mark."""
    one, other = (_luma(frame) for frame in (before, after))
    width, height = one.size
    box = (round(width * 0.88), height - round(width * 0.04), round(width * 0.97), height - round(width * 0.01))
    return ImageStat.Stat(ImageChops.difference(one.crop(box), other.crop(box))).mean[0]


def _luma(frame: VideoFrame) -> Image.Image:
    plane = frame.planes[0]
    return Image.frombuffer("L", (plane.width, plane.height), bytes(plane), "raw", "L", plane.line_size, 1)


def _digest(frame: VideoFrame) -> bytes:
    digest = hashlib.sha256()
    for plane in frame.planes:
        rows = memoryview(plane).cast("B")
        if plane.line_size == plane.width:
            digest.update(rows)
            continue
        for start in range(0, plane.height * plane.line_size, plane.line_size):
            digest.update(rows[start : start + plane.width])  # without the padding at the end of the line
    return digest.digest()


def main() -> int:
    """Measure, check and print a table."""
    parser = argparse.ArgumentParser(prog="bench_smart.sh", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="length of the clip (default: 600)")
    parser.add_argument("--mark-seconds", type=float, default=5, help="how long the mark shows (default: 5)")
    parser.add_argument("--size", default="1280x720", metavar="WxH", help="of the picture (default: 1280x720)")
    parser.add_argument("--rounds", type=int, default=1, help="rounds of each way (default: 1)")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or not 2 <= arguments.seconds <= LONGEST_SECONDS:
        parser.error(f"it takes at least 1 round, and a clip of 2 to {LONGEST_SECONDS} seconds")
    width, height = (int(part) for part in arguments.size.split("x"))
    start = round(arguments.seconds / 2)
    end = start + arguments.mark_seconds
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        source, mark = scratch / "clip.mp4", scratch / "mark.json"
        make_long_clip(source, (width, height), arguments.seconds)
        make_logo(scratch / "logo.png")
        mark.write_text(json.dumps({"overlays": [{"image": "logo.png", "start": start, "end": end, **MARK}]}))
        outputs = {True: scratch / "smart.mp4", False: scratch / "full.mp4"}
        runs: dict[bool, list[Run]] = {True: [], False: []}
        for _ in range(arguments.rounds):
            for smart, output in outputs.items():
                runs[smart].append(run(source, output, mark, smart=smart))
        found = {smart: compare(source, output, start, end) for smart, output in outputs.items()}
        sizes = {smart: output.stat().st_size / 1e6 for smart, output in outputs.items()}
        source_size = source.stat().st_size / 1e6
    encoded = runs[True][0].result.render["frames_encoded"]
    if found[True].same < found[True].frames - encoded:
        raise RuntimeError(f"{found[True].frames - encoded} frames were copied, but {found[True].same} are the same")
    print(
        f"{arguments.mark_seconds:g} s of watermark in {arguments.seconds:g} s of {arguments.size}, "
        f"{source_size:.0f} MB:\n"
    )
    print("| way | wall | CPU | frames encoded | frames the same to the bit | frames with the mark | of frames | MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    medians = {}
    for smart, name in ((True, "smart"), (False, "full")):
        wall, cpu = (statistics.median(getattr(one, what) for one in runs[smart]) for what in ("wall", "cpu"))
        medians[smart] = wall, cpu
        frames = runs[smart][0].result.render["frames_encoded"]
        seen = found[smart]
        print(
            f"| {name} | {wall:.1f} s | {cpu:.1f} s | {frames} | {seen.same} | {seen.marked} | {seen.frames} "
            f"| {sizes[smart]:.0f} |"
        )
    wall, cpu = (medians[False][index] / medians[True][index] for index in (0, 1))
    print(
        f"\nThe smart way is {wall:.1f} times faster and takes {cpu:.1f} times less CPU. All frames have their times."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
