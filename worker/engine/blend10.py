"""Layers onto frames of 10 bits, the way `worker.engine.blend` does it for 8: in place, and only where the marks lie.

Pillow has no blending of 16-bit samples; numpy has. What a mark needs is worked out in bands of rows, so that a mark as
large as the picture costs little more than its own samples.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray
from PIL import Image

from worker.engine.colour import LUMA_WEIGHTS, Colour
from worker.engine.layers import Layer, Prepared
from worker.engine.timeline import Timeline
from worker.engine.transfer import Values, to_signal
from worker.watermark import OPAQUE

Samples = NDArray[np.uint16]

_BAND = 64  # rows at a time; even
_SHIFT = 15
BYTES_PER_PIXEL = 11  # of a mark: 4:2:0 in 16 bits, its alpha as float32, its weights in 16 bits
_WHOLE = 1 << _SHIFT  # a weight of 1; a 10-bit sample times this fits into 32 bits


@dataclass
class _Mark:
    """A picture of a layer: samples of Y, Cb and Cr, and their alphas (0 to 255) in full and half resolution."""

    planes: tuple[Samples, Samples, Samples]
    alphas: tuple[Values, Values]

    def __post_init__(self) -> None:
        self._weights: dict[int, tuple[Samples, Samples] | None] = {}

    def weights_for(self, opacity: int) -> tuple[Samples, Samples] | None:
        """Return what the mark weighs at this opacity (1 to 255), or None where nothing of it is left."""
        if opacity not in self._weights:
            scale = np.float32(opacity * _WHOLE / (OPAQUE * OPAQUE))
            full, half = ((alpha * scale + np.float32(0.5)).astype(np.uint16) for alpha in self.alphas)
            self._weights = {opacity: (full, half) if full.any() else None}
        return self._weights[opacity]


class DeepBlender:
    """Puts layers on frames of format yuv420p10le."""

    def __init__(self, layers: Sequence[Layer], colour: Colour, matrix: int, full_range: bool) -> None:
        """Convert the layers once; the pictures of an animation when they are first shown.

        Args:
            layers: Lowest first.
            colour: The video's tags: primaries and transfer decide how a mark's colours are said in it.
            matrix: H.273 matrix coefficients in force for the video.
            full_range: Whether its samples use the full range.
        """
        convert = partial(_converted, colour=colour, matrix=matrix, full_range=full_range)
        self.seen: set[int] = set()
        self._timeline = Timeline(layers)
        self._marks = [Prepared(layer, convert) for layer in layers]
        self.bytes_to_come = BYTES_PER_PIXEL * sum(marks.pixels_to_come for marks in self._marks)

    def apply(self, frame: VideoFrame, seconds: Fraction | int) -> None:
        """Blend onto a frame that may be written to.

        Args:
            frame: 10-bit 4:2:0, at least as large as the picture that the layers were drawn for.
            seconds: Its exact time on the video's clock.
        """
        for showing in self._timeline.at(seconds):
            marks = self._marks[showing.layer]
            mark = marks[showing.picture]
            if weights := mark.weights_for(showing.opacity):
                full, half = weights
                for index, weight in enumerate((full, half, half)):
                    scale = 1 if index == 0 else 2
                    _blend(_samples(frame, index), marks.left // scale, marks.top // scale, mark.planes[index], weight)
                self.seen.add(showing.layer)


def _samples(frame: VideoFrame, index: int) -> Samples:
    """Return an array that *is* the plane's memory."""
    plane = frame.planes[index]
    return np.frombuffer(plane, np.uint16).reshape(plane.height, plane.line_size // 2)[:, : plane.width]


def _blend(plane: Samples, left: int, top: int, mark: Samples, weight: Samples) -> None:
    for rows in _bands(len(mark)):
        below = plane[top + rows.start : top + rows.stop, left : left + mark.shape[1]]
        share = weight[rows].astype(np.uint32)
        mixed = below * (_WHOLE - share) + mark[rows] * share
        below[...] = (mixed + _WHOLE // 2) >> _SHIFT


def _bands(rows: int) -> Iterator[slice]:
    for first in range(0, rows, _BAND):
        yield slice(first, min(rows, first + _BAND))


def _converted(picture: Image.Image, colour: Colour, matrix: int, full_range: bool) -> _Mark:
    pixels = np.asarray(picture)
    height, width = pixels.shape[:2]
    luma = np.empty((height, width), np.uint16)
    cb, cr = (np.empty((height // 2, width // 2), np.uint16) for _ in range(2))
    half_alpha = np.empty((height // 2, width // 2), np.float32)
    for rows in _bands(height):
        alpha = pixels[rows, :, 3].astype(np.float32)
        y, blue, red = _yuv(to_signal(pixels[rows, :, :3], colour), matrix)
        half = slice(rows.start // 2, rows.stop // 2)
        half_alpha[half] = _mean_of_blocks(alpha)
        luma[rows] = _coded(y, 876, 64, 1023, 0, full_range)
        for plane, values in ((cb, blue), (cr, red)):
            # Weighted by alpha: the colour under transparent pixels does not bleed into the edge.
            whole = np.maximum(half_alpha[half], 1e-3, dtype=np.float32)
            plane[half] = _coded(
                np.divide(_mean_of_blocks(values * alpha), whole, dtype=np.float32), 896, 512, 1023, 512, full_range
            )
    return _Mark((luma, cb, cr), (pixels[..., 3].astype(np.float32), half_alpha))


def _yuv(signal: Values, matrix: int) -> tuple[Values, Values, Values]:
    """Return Y' from 0 to 1 and Cb and Cr from -0.5 to 0.5."""
    red, blue = LUMA_WEIGHTS[matrix]
    r, g, b = signal[..., 0], signal[..., 1], signal[..., 2]
    y = red * r + (1 - red - blue) * g + blue * b
    return y, (b - y) / (2 * (1 - blue)), (r - y) / (2 * (1 - red))


def _coded(values: Values, span: int, zero: int, full_span: int, full_zero: int, full_range: bool) -> Samples:
    coded = values * (full_span if full_range else span) + (full_zero if full_range else zero)
    return np.clip(np.rint(coded), 0, 1023).astype(np.uint16)


def _mean_of_blocks(values: Values) -> Values:
    """Return the means of blocks of 2x2."""
    height, width = values.shape
    mean: Values = values.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return mean
