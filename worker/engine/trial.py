"""A watermark tried out: read to the end of its images, or drawn on one frame of a video."""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from fractions import Fraction
from typing import Any, BinaryIO

from PIL import Image

from worker.engine.frames import frame_at, telling_moment
from worker.engine.images import check_image, open_image
from worker.engine.layers import Layer, draw_layers
from worker.engine.probe import probe
from worker.engine.text import refuse_undrawable
from worker.engine.timeline import Showing, Timeline
from worker.watermark import OPAQUE, TextOverlay, Watermark


def check(watermark: Watermark, images: Mapping[str, int]) -> None:
    """Check a watermark as far as that goes without a video.

    Args:
        images: Descriptors of the images that it names; they are closed.

    Raises:
        WatermarkInvalid
    """
    for name, descriptor in images.items():
        with os.fdopen(descriptor, "rb") as file:
            check_image(file, name)
    for overlay in watermark.overlays:
        if isinstance(overlay, TextOverlay):
            refuse_undrawable(overlay)


def draw_on_frame(
    source: BinaryIO,
    output: BinaryIO,
    watermark: Watermark,
    images: Mapping[str, int],
    seconds: float | None,
    goes_on: Callable[[], None],
) -> dict[str, Any]:
    """Write one frame of a video with its marks as a PNG; return its time in `seconds`, and how many `marks` it shows.

    The marks have their own size, place and time; they are blended in RGB, and a video of more than 8 bits is shown
    without a conversion of its tones.

    Args:
        images: As in `check`.
        seconds: On the video's own clock; None for the frame that has most of the watermark.
        goes_on: Called at each frame that is looked at, of which a long video has many.

    Raises:
        WatermarkError
    """
    probed = probe(source)
    with ExitStack() as files:
        opened = {
            name: open_image(files.enter_context(os.fdopen(descriptor, "rb")), name)
            for name, descriptor in images.items()
        }
        layers = draw_layers(watermark, opened, probed.picture)
    if seconds is None:
        moment = telling_moment(source, watermark.overlays, goes_on)
    else:
        moment = probed.start + Fraction(str(seconds))
    frame = frame_at(source, moment, goes_on)
    time = frame.time - probed.start
    shown = Timeline(layers).at(time)
    picture = frame.image.convert("RGBA")
    for showing in shown:
        _blend(picture, layers[showing.layer], showing)
    frame.displayed(picture.convert("RGB")).save(output, "PNG")
    return {"seconds": float(time), "marks": len(shown)}


def _blend(picture: Image.Image, layer: Layer, showing: Showing) -> None:
    mark = layer.picture(showing.picture)
    if showing.opacity != OPAQUE:
        mark = mark.copy()
        mark.putalpha(mark.getchannel("A").point(lambda alpha: alpha * showing.opacity // OPAQUE))
    # a layer may reach one sample beyond a picture of odd size
    mark = mark.crop((0, 0, min(mark.width, picture.width - layer.left), min(mark.height, picture.height - layer.top)))
    picture.alpha_composite(mark, (layer.left, layer.top))
