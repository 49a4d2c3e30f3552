"""Layers onto frames: alpha blending in the video's own samples, in place, and only where the marks lie.

Pillow works straight on the memory of a frame's planes, so a small mark costs next to nothing, and outside of the marks
no sample is touched. 8-bit 4:2:0 only; another sample format is another blender.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

import numpy as np
from av import VideoFrame
from PIL import Image

from worker.engine.colour import Colour, rgba_to_yuva
from worker.engine.layers import Layer, Prepared
from worker.engine.planes import plane_image
from worker.engine.timeline import Timeline
from worker.engine.transfer import to_signal
from worker.watermark import OPAQUE

_Masks = tuple[Image.Image, Image.Image]  # full and half resolution

BYTES_PER_PIXEL = 4  # of a mark: 4:2:0, and its alpha twice, as it is and in a fade


@dataclass
class _Mark:
    """A picture of a layer in Y'CbCr; `planes` and `masks` are for the planes Y, Cb and Cr of a frame."""

    planes: tuple[Image.Image, Image.Image, Image.Image]
    alphas: _Masks
    masks: dict[int, _Masks | None] = field(default_factory=dict)

    def masks_for(self, opacity: int) -> _Masks | None:
        """Return the alphas at this opacity (1 to 255), or None where nothing of them is left.

        Only the last ones are kept: a fade never comes back to them.
        """
        if opacity not in self.masks:
            table = [(alpha * opacity + OPAQUE // 2) // OPAQUE for alpha in range(256)]
            full, half = self.alphas if opacity == OPAQUE else [alpha.point(table) for alpha in self.alphas]
            self.masks = {opacity: (full, half) if full.getbbox() else None}
        return self.masks[opacity]


class Blender:
    """Puts layers on frames of format yuv420p or yuvj420p."""

    def __init__(self, layers: Sequence[Layer], colour: Colour, matrix: int, full_range: bool) -> None:
        """Convert the layers once; the pictures of an animation when they are first shown.

        Args:
            layers: Lowest first.
            colour: The video's tags, for its primaries.
            matrix: H.273 matrix coefficients in force for the video.
            full_range: Whether its samples use the full range.
        """
        self.seen: set[int] = set()
        self._timeline = Timeline(layers)
        convert = partial(_converted, colour=colour, matrix=matrix, full_range=full_range)
        self._marks = [Prepared(layer, convert) for layer in layers]
        self.bytes_to_come = BYTES_PER_PIXEL * sum(marks.pixels_to_come for marks in self._marks)

    def apply(self, frame: VideoFrame, seconds: Fraction | int) -> None:
        """Blend onto a frame that may be written to.

        Args:
            frame: 8-bit 4:2:0, at least as large as the picture that the layers were drawn for.
            seconds: Its exact time on the video's clock.
        """
        shown = []
        for showing in self._timeline.at(seconds):
            marks = self._marks[showing.layer]
            mark = marks[showing.picture]
            if masks := mark.masks_for(showing.opacity):
                self.seen.add(showing.layer)
                shown.append((marks.left, marks.top, mark.planes, masks))
        if not shown:
            return
        planes = [plane_image(frame, index) for index in range(3)]
        for left, top, (luma, cb, cr), (full, half) in shown:
            planes[0].paste(luma, (left, top), full)
            planes[1].paste(cb, (left // 2, top // 2), half)
            planes[2].paste(cr, (left // 2, top // 2), half)


def _converted(picture: Image.Image, colour: Colour, matrix: int, full_range: bool) -> _Mark:
    if colour.is_wide:
        picture = _in_its_primaries(picture, colour)
    full = rgba_to_yuva(picture, matrix, full_range)
    # Pillow averages RGBA weighted by alpha: the colour under transparent pixels does not bleed into the edge.
    half = full.reduce(2)
    luma, _, _, alpha = full.split()
    _, cb, cr, half_alpha = half.split()
    return _Mark((luma, cb, cr), (alpha, half_alpha))


def _in_its_primaries(picture: Image.Image, colour: Colour) -> Image.Image:
    colours = Image.fromarray(np.rint(to_signal(np.asarray(picture)[..., :3], colour) * 255).astype(np.uint8))
    return Image.merge("RGBA", (*colours.split(), picture.getchannel("A")))
