"""How a watermark will look on a video: one frame, with the marks that the worker would draw on it."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av.error
from PIL import Image

from videobatch.errors import FileUnusable
from videobatch.frames import frame_at, telling_moment
from worker.engine.images import open_image
from worker.engine.layers import Layer, draw_layers
from worker.engine.probe import probe
from worker.engine.timeline import Showing, Timeline
from worker.watermark import OPAQUE, validate


@dataclass(frozen=True)
class Preview:
    """A frame with its marks.

    Attributes:
        image: RGB, as a viewer sees it.
        seconds: Of the frame, on the video's own clock.
        marks: How many overlays are to be seen on it.
    """

    image: Image.Image
    seconds: Fraction
    marks: int


def preview(
    video: Path, document: Mapping[str, Any], name: str, images: Mapping[str, Path], seconds: float | None = None
) -> Preview:
    """Draw a watermark on one frame of a video.

    The marks are the worker's own, in size, place and time; they are blended in RGB, and a video of more than 8 bits is
    shown without a conversion of its tones.

    Args:
        document, name: The watermark, and the file that errors call it.
        images: Files of the images that it names.
        seconds: On the video's own clock; None for the frame that has most of the watermark.

    Raises:
        WatermarkError: What the job would end with.
        FileUnusable: There is no such frame.
    """
    with video.open("rb") as file:
        probed = probe(file)
    watermark = validate(document, name)
    with ExitStack() as files:
        opened = {key: open_image(files.enter_context(path.open("rb")), key) for key, path in images.items()}
        layers = draw_layers(watermark, opened, probed.picture)
    moment = telling_moment(video, watermark.overlays) if seconds is None else probed.start + Fraction(str(seconds))
    if seconds is not None and seconds >= probed.duration:
        raise FileUnusable(f"{video.name} has {float(probed.duration):.1f} s only.", "Give an earlier --at.")
    try:
        frame = frame_at(video, moment)
    except av.error.FFmpegError as error:
        raise FileUnusable(f"The frame at {float(moment):.2f} s of {video.name} cannot be decoded.") from error
    time = frame.time - probed.start
    shown = Timeline(layers).at(time)
    picture = frame.image.convert("RGBA")
    for showing in shown:
        _blend(picture, layers[showing.layer], showing)
    return Preview(frame.displayed(picture.convert("RGB")), time, len(shown))


def _blend(picture: Image.Image, layer: Layer, showing: Showing) -> None:
    mark = layer.picture(showing.picture)
    if showing.opacity != OPAQUE:
        mark = mark.copy()
        mark.putalpha(mark.getchannel("A").point(lambda alpha: alpha * showing.opacity // OPAQUE))
    # a layer may reach one sample beyond a picture of odd size
    mark = mark.crop((0, 0, min(mark.width, picture.width - layer.left), min(mark.height, picture.height - layer.top)))
    picture.alpha_composite(mark, (layer.left, layer.top))
