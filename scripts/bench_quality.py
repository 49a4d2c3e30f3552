"""How near a watermarked video comes to what it should be: its source with the mark on it, and nothing else changed.

The reference is made here, by plain arithmetic on the decoded source and in its own depth, so that it favours nobody's
way of blending. VMAF is of the whole picture. SSIM (FFmpeg's, all planes) is told apart: of what lies under the mark,
and of all else.
"""

import argparse
import gc
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import chain, zip_longest
from pathlib import Path
from statistics import fmean
from typing import Any

import av
import numpy as np
from av import VideoFrame
from av.filter import Graph
from numpy.typing import NDArray
from PIL import Image

MARGIN = 10  # pixels to the right of the mark and below it
GREY = 128

_Planes = list[NDArray[Any]]


@dataclass(frozen=True)
class Quality:
    """Means over all frames: VMAF from 0 to 100, SSIM up to 1."""

    frames: int
    vmaf: float
    outside: float
    inside: float


class _Mark:
    """The mark in Y'CbCr of BT.709, limited range, in the video's depth."""

    def __init__(self, path: Path, deep: bool) -> None:
        image = Image.open(path).convert("RGBA")
        self.width, self.height = image.size
        rgba = np.asarray(image, np.float64)
        red, green, blue = (rgba[..., index] / 255 for index in range(3))
        luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        cb, cr = (blue - luma) / 1.8556, (red - luma) / 1.5748
        alpha = rgba[..., 3] / 255
        half = _halved(alpha)
        weight = np.where(half > 0, half, 1.0)
        scale = 4 if deep else 1
        self._layers = (
            ((16 + 219 * luma) * scale, alpha),
            ((128 + 224 * _halved(cb * alpha) / weight) * scale, half),
            ((128 + 224 * _halved(cr * alpha) / weight) * scale, half),
        )

    def blend(self, planes: _Planes) -> None:
        for (colour, alpha), view in zip(self._layers, self.views(planes), strict=True):
            view[...] = np.rint(view * (1 - alpha) + colour * alpha).astype(view.dtype)

    def views(self, planes: _Planes) -> _Planes:
        """Return the parts of a picture's planes that lie under the mark."""
        result = []
        for index, plane in enumerate(planes):
            half = 2 if index else 1
            bottom, right = plane.shape[0] - MARGIN // half, plane.shape[1] - MARGIN // half
            result.append(plane[bottom - self.height // half : bottom, right - self.width // half : right])
        return result


def _halved(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width = plane.shape
    halved: NDArray[np.float64] = plane.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return halved


class _Comparison:
    """One of FFmpeg's filters that compare two videos."""

    def __init__(self, name: str, options: str, shape: tuple[int, int], pixel_format: str) -> None:
        height, width = shape
        self._graph, self._format, self._frames = Graph(), pixel_format, 0
        self._sources = [
            self._graph.add_buffer(width=width, height=height, format=pixel_format, time_base=Fraction(1, 25))
            for _ in range(2)
        ]
        compare, self._sink = self._graph.add(name, options), self._graph.add("buffersink")
        for index, source in enumerate(self._sources):
            source.link_to(compare, 0, index)
        compare.link_to(self._sink)
        self._graph.configure()

    def add(self, result: _Planes, reference: _Planes) -> None:
        for source, planes in zip(self._sources, (result, reference), strict=True):
            frame = _as_frame(planes, self._format)
            frame.pts, frame.time_base = self._frames, Fraction(1, 25)
            source.push(frame)
        self._frames += 1
        self._drain()

    def finish(self) -> None:
        for source in self._sources:
            source.push(None)
        self._drain()

    def _drain(self) -> None:
        while True:
            try:
                self._sink.pull()
            except (BlockingIOError, EOFError):
                return


def compare(source: Path, result: Path, mark_file: Path, threads: int = 2) -> Quality:
    """Compare a result with its source, frame by frame in the order of display.

    Raises:
        ValueError: It has more or fewer frames than its source.
    """
    originals = _pictures(source, None)
    first = next(originals)
    deep = first[0].dtype == np.uint16
    pixel_format = "yuv420p10le" if deep else "yuv420p"
    results = _pictures(result, pixel_format)
    mark = _Mark(mark_file, deep)
    whole = first[0].shape
    with tempfile.TemporaryDirectory() as folder:
        logs = {name: Path(folder) / name for name in ("vmaf", "outside", "inside")}
        comparisons = {
            "vmaf": _Comparison(
                "libvmaf", f"log_fmt=json:log_path={logs['vmaf']}:n_threads={threads}", whole, pixel_format
            ),
            "outside": _Comparison("ssim", f"stats_file={logs['outside']}", whole, pixel_format),
            "inside": _Comparison("ssim", f"stats_file={logs['inside']}", (mark.height, mark.width), pixel_format),
        }
        try:
            frames = 0
            for original, ours in zip_longest(chain([first], originals), results):
                if original is None or ours is None:
                    raise ValueError(
                        f"{result.name} has {'more' if original is None else 'fewer'} frames than its source"
                    )
                mark.blend(original)
                comparisons["vmaf"].add(ours, original)
                comparisons["inside"].add(mark.views(ours), mark.views(original))
                for view in (*mark.views(ours), *mark.views(original)):
                    view[...] = GREY
                comparisons["outside"].add(ours, original)
                frames += 1
            for comparison in comparisons.values():
                comparison.finish()
            del comparison
        finally:
            comparisons.clear()
            gc.collect()  # graphs and their filters refer to each other; their end is what completes the logs
        score = json.loads(logs["vmaf"].read_text())["pooled_metrics"]["vmaf"]["mean"]
        covered = mark.width * mark.height / (whole[0] * whole[1])
        equal_there = _mean_ssim(logs["outside"])  # 1 where both are grey
        return Quality(frames, score, 1 - (1 - equal_there) / (1 - covered), _mean_ssim(logs["inside"]))


def _pictures(path: Path, pixel_format: str | None) -> Iterator[_Planes]:
    """Yield what is displayed: the planes of each frame, turned as the file says.

    Args:
        pixel_format: What to convert to; None keeps the file's own.
    """
    with av.open(str(path)) as movie:
        movie.streams.video[0].thread_type = "AUTO"
        for frame in movie.decode(video=0):
            turns = round(frame.rotation / 90)  # counter-clockwise, as numpy's
            wanted = pixel_format or ("yuv420p10le" if "10" in frame.format.name else "yuv420p")
            ready = frame if frame.format.name == wanted else frame.reformat(format=wanted)
            yield [np.ascontiguousarray(np.rot90(_plane(ready, index), turns)) for index in range(3)]


def _plane(frame: VideoFrame, index: int) -> NDArray[Any]:
    plane = frame.planes[index]
    kind = np.uint16 if "10" in frame.format.name else np.uint8
    return np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width].copy()


def _as_frame(planes: _Planes, pixel_format: str) -> VideoFrame:
    height, width = planes[0].shape
    frame = VideoFrame(width, height, pixel_format)
    for plane, values in zip(frame.planes, planes, strict=True):
        target = np.frombuffer(plane, values.dtype).reshape(plane.height, -1)
        target[:, : plane.width] = values
    return frame


def _mean_ssim(log: Path) -> float:
    return fmean(float(line.partition("All:")[2].split()[0]) for line in log.read_text().splitlines())


def main() -> None:
    """Print a comparison as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("source", "result", "mark"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args()
    print(json.dumps(asdict(compare(arguments.source, arguments.result, arguments.mark))))


if __name__ == "__main__":
    main()
