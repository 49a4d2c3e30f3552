"""Single frames of a video, as a viewer sees them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

import av.error
from PIL import Image

from worker.engine.probe import main_video, prepare_decoder, probe
from worker.engine.source import as_fraction, open_movie
from worker.engine.timeline import Visibility
from worker.errors import CorruptInput
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


def telling_moment(file: BinaryIO, overlays: Sequence[Overlay], goes_on: Callable[[], None] = lambda: None) -> Fraction:
    """Return the time on the file's clock of the frame that has most of these overlays.

    It is the one nearest to the middle if there are several.

    Args:
        goes_on: Called at each frame: a long video is read to its end.

    Raises:
        NoVideoStream, CorruptInput, UnsupportedInput
    """
    probed = probe(file)
    times = []
    with open_movie(file) as movie:
        for packet in movie.demux(movie.streams[probed.stream]):
            goes_on()
            if packet.pts is not None and not packet.is_discard:
                times.append(packet.pts * probed.time_base)
    middle = (min(times) + max(times)) / 2
    visible = [Visibility(overlay) for overlay in overlays]

    def telling(time: Fraction) -> tuple[int, Fraction]:
        goes_on()
        return sum(overlay.opacity_at(time - probed.start) for overlay in visible), -abs(time - middle)

    return max(times, key=telling)


def frame_at(file: BinaryIO, moment: Fraction, goes_on: Callable[[], None] = lambda: None) -> Frame:
    """Return the first frame at or after a time on the file's clock, or else the last.

    Args:
        goes_on: Called at each frame that is decoded: from a keyframe on, which may be that of the beginning.

    Raises:
        NoVideoStream, CorruptInput, UnsupportedInput
    """
    with open_movie(file) as movie:
        stream = main_video(movie)
        prepare_decoder(stream)
        time_base = as_fraction(stream.time_base)
        found = None
        try:
            movie.seek(round(moment / time_base), stream=stream)
            for frame in movie.decode(stream):
                goes_on()
                found = frame
                if frame.pts is not None and frame.pts * time_base >= moment:
                    break
        except av.error.FFmpegError as error:
            raise CorruptInput(f"The frame at {float(moment):.2f} s cannot be decoded: {error.strerror}.") from error
        if found is None:
            raise CorruptInput(f"There is no frame to decode at {float(moment):.2f} s.")
        aspect = as_fraction(stream.sample_aspect_ratio) or Fraction(1)
        return Frame(found.to_image(), (found.pts or 0) * time_base, aspect, found.rotation)
