"""The engine's peak memory for one kind of video, and what it expected. `scripts/footprints.py` uses this too."""

from dataclasses import dataclass
from pathlib import Path

import av
from av import Packet

from worker.local import read_watermark
from worker.resources import MIB, Resources
from worker.sandbox import run_engine
from worker.tests.media import Clip, make_clip, make_logo

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}
FRAMES = 40  # more than any lookahead holds
NO_LIMIT = 1 << 50
_X265 = {"x265-params": "log-level=none:pools=none:bframes=4:ref=4"}
SOURCES = {
    "H.264": {"codec": "libx264", "options": {"refs": "4"}},
    "HEVC 8 bit": {"codec": "libx265", "options": _X265},
    "HEVC 10 bit": {"codec": "libx265", "options": _X265, "pixel_format": "yuv420p10le"},
    "AV1": {"codec": "libsvtav1", "options": {"preset": "12", "svtav1-params": "lp=1"}},
}


@dataclass(frozen=True)
class Footprint:
    """Memory of the engine's process, in MB of 1,048,576 bytes; `result` is the codec."""

    result: str
    estimated: int
    peak: int

    @property
    def ratio(self) -> float:
        return self.estimated / self.peak


def make_source(folder: Path, size: str, source: str) -> Path:
    """Write a moving clip of this size and kind."""
    width, height = SIZES[size]
    clip = Clip(width, height, rate=30, seconds=FRAMES / 30, grey=None, languages=(), **SOURCES[source])  # type: ignore[arg-type]
    return make_clip(folder / "source.mp4", clip)


def make_long_source(folder: Path, pictures: int, sounds: int) -> Path:
    """Write a tiny clip with so many packets, those of a short one over and over."""
    short = make_clip(folder / "short.mp4", Clip(64, 64, seconds=2, grey=None))
    path = folder / "source.mp4"
    with av.open(str(short)) as source, av.open(str(path), "w", format="mp4") as output:
        packets = [packet for packet in source.demux() if packet.size]
        targets = [output.add_stream_from_template(stream, opaque=True) for stream in source.streams]
        for target, count in zip(targets, (pictures, sounds), strict=True):
            own = [packet for packet in packets if packet.stream_index == target.index]
            length = sum(packet.duration or 0 for packet in own)
            for number in range(count):
                packet = own[number % len(own)]
                copy, later = Packet(bytes(packet)), number // len(own) * length
                copy.pts, copy.dts = (packet.pts or 0) + later, (packet.dts or 0) + later
                copy.duration, copy.time_base, copy.is_keyframe = packet.duration, packet.time_base, packet.is_keyframe
                copy.stream = target
                output.mux(copy)
    return path


def measure(source: Path, profile: str = "balanced", cpus: float = 1.0, watermark: Path | None = None) -> Footprint:
    """Watermark a clip, with a logo unless told otherwise, as if there were so many CPUs and memory without end."""
    mark = watermark or make_logo(source.parent / "logo.png", (400, 100))
    document, images = read_watermark(mark)
    output = source.parent / "output.mp4"
    with source.open("rb") as file:
        resources = Resources(cpus, NO_LIMIT * MIB)
        result = run_engine(file, output, document, mark.name, images, lambda *_: None, resources, profile)
    return Footprint(result.codec, result.memory["estimated_mb"], result.memory["peak_mb"])
