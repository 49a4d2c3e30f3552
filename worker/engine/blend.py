"""Layers onto frames: alpha blending in the video's own samples, in place, and only where the marks lie.

Pillow works straight on the memory of a frame's planes, so a small mark costs next to nothing, and outside of the marks
no sample is touched. 8-bit 4:2:0 only; another sample format is another blender.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from av import VideoFrame
from PIL import Image

from worker.engine.colour import rgba_to_yuva
from worker.engine.geometry import opacity_at
from worker.engine.layers import Layer
from worker.engine.planes import plane_image
from worker.watermark import OPAQUE

_Masks = tuple[Image.Image, Image.Image]  # full and half resolution


@dataclass
class _PreparedLayer:
    """A layer in Y'CbCr; `planes` and `masks` are for the planes Y, Cb and Cr of a frame."""

    layer: Layer
    planes: tuple[Image.Image, Image.Image, Image.Image]
    alphas: _Masks
    masks: dict[int, _Masks | None] = field(default_factory=dict)

    def masks_for(self, opacity: int) -> _Masks | None:
        """Return the alphas at this opacity (0 to 255), or None where nothing of them is left.

        Only the last ones are kept: a fade never comes back to them.
        """
        if opacity not in self.masks:
            table = [(alpha * opacity + OPAQUE // 2) // OPAQUE for alpha in range(256)]
            full, half = self.alphas[0].point(table), self.alphas[1].point(table)
            self.masks = {opacity: (full, half) if full.getbbox() else None}
        return self.masks[opacity]


class Blender:
    """Puts layers on frames of format yuv420p or yuvj420p."""

    def __init__(self, layers: Sequence[Layer], matrix: int, full_range: bool) -> None:
        """Convert the layers once.

        Args:
            layers: Lowest first.
            matrix: H.273 matrix coefficients in force for the video.
            full_range: Whether its samples use the full range.
        """
        self._layers = [_prepare(layer, matrix, full_range) for layer in layers]

    def apply(self, frame: VideoFrame, seconds: float) -> bool:
        """Blend onto a frame that may be written to, and return whether any mark was put on it.

        Args:
            frame: 8-bit 4:2:0, at least as large as the picture that the layers were drawn for.
            seconds: Its time on the video's clock, for `start`, `end` and `fade`.
        """
        shown = []
        for prepared in self._layers:
            opacity = round(opacity_at(prepared.layer.overlay, seconds) * OPAQUE)
            if opacity and (masks := prepared.masks_for(opacity)):
                shown.append((prepared, masks))
        if not shown:
            return False
        planes = [plane_image(frame, index) for index in range(3)]
        for prepared, (full, half) in shown:
            left, top = prepared.layer.left, prepared.layer.top
            planes[0].paste(prepared.planes[0], (left, top), full)
            planes[1].paste(prepared.planes[1], (left // 2, top // 2), half)
            planes[2].paste(prepared.planes[2], (left // 2, top // 2), half)
        return True


def _prepare(layer: Layer, matrix: int, full_range: bool) -> _PreparedLayer:
    full = rgba_to_yuva(layer.image, matrix, full_range)
    # Pillow averages RGBA weighted by alpha: the colour under transparent pixels does not bleed into the edge.
    half = full.reduce(2)
    luma, _, _, alpha = full.split()
    _, cb, cr, half_alpha = half.split()
    return _PreparedLayer(layer, (luma, cb, cr), (alpha, half_alpha))
