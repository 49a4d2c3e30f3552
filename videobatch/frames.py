"""Single frames of a video of this machine, as a viewer sees them."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image

from worker.engine.probe import probe
from worker.engine.timeline import Visibility
from worker.watermark import Overlay


@dataclass(frozen=True)
class Frame:
    """One decoded frame.

    Attributes:
        image: RGB, as it is coded: neither turned nor with square pixels.
        time: On the file's clock.
        aspect: Width of a pixel divided by its height.
        rotation: Degrees counter-clockwise that a viewer turns it.
    """

    image: Image.Image
    time: Fraction
    aspect: Fraction
    rotation: int

    def displayed(self, image: Image.Image | None = None) -> Image.Image:
        """Return it, or another picture of its size, as a viewer sees it."""
        picture = image or self.image
        if self.aspect != 1:
            picture = picture.resize((round(picture.width * self.aspect), picture.height))
        return picture.rotate(self.rotation, expand=True)


def telling_moment(video: Path, overlays: Sequence[Overlay]) -> Fraction:
    """Return the time on the file's clock of the frame that has most of these overlays.

    It is the one nearest to the middle if there are several.
    """
    with video.open("rb") as file:
        probed = probe(file)
    with av.open(str(video)) as movie:
        packets = movie.demux(movie.streams[probed.stream])
        times = [
            packet.pts * probed.time_base for packet in packets if packet.pts is not None and not packet.is_discard
        ]
    middle = (min(times) + max(times)) / 2
    visible = [Visibility(overlay) for overlay in overlays]

    def telling(time: Fraction) -> tuple[int, Fraction]:
        return sum(overlay.opacity_at(time - probed.start) for overlay in visible), -abs(time - middle)

    return max(times, key=telling)


def frame_at(video: Path, moment: Fraction) -> Frame:
    """Return the first frame at or after a time on the file's clock, or else the last."""
    with av.open(str(video)) as movie:
        stream = movie.streams.video[0]
        time_base = stream.time_base or Fraction(1)
        movie.seek(round(moment / time_base), stream=stream)
        for frame in movie.decode(stream):
            if frame.pts is not None and frame.pts * time_base >= moment:
                break
        time = (frame.pts or 0) * time_base
        aspect: Any = stream.sample_aspect_ratio  # a Fraction, whatever its stub says
        return Frame(frame.to_image(), time, aspect or Fraction(1), frame.rotation)
