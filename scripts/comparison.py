"""One picture of the same frame of two videos, side by side."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageDraw, ImageFont

from worker.engine.probe import probe
from worker.engine.timeline import Visibility
from worker.watermark import Overlay

PICTURE_WIDTH = 960  # pixels, of each half


def compare(before: Path, after: Path, target: Path, overlays: Sequence[Overlay] = ()) -> None:
    """Write one picture with the same frame of both videos, side by side.

    Args:
        overlays: What the one has and the other has not. Shown is the frame that has most of them, the one nearest to
            the middle if there are several.
    """
    moment = _telling_moment(before, overlays)
    halves = [(_frame(before, moment), "before"), (_frame(after, moment), "after")]
    height = max(picture.height for picture, _ in halves)
    sheet = Image.new("RGB", (sum(picture.width for picture, _ in halves) + 12, height + 44), "white")
    draw = ImageDraw.Draw(sheet)
    left = 0
    for picture, label in halves:
        sheet.paste(picture, (left, 44))
        draw.text((left + 12, 8), label, font=ImageFont.load_default(size=24), fill="black")
        left += picture.width + 12
    sheet.save(target)


def _telling_moment(video: Path, overlays: Sequence[Overlay]) -> Fraction:
    """Return the time of the frame to show, on the file's clock."""
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


def _frame(video: Path, moment: Fraction) -> Image.Image:
    with av.open(str(video)) as movie:
        stream = movie.streams.video[0]
        time_base = stream.time_base or Fraction(1)
        movie.seek(round(moment / time_base), stream=stream)
        for frame in movie.decode(stream):
            if frame.pts is not None and frame.pts * time_base >= moment:
                break
        picture: Image.Image = frame.to_image()
        aspect = stream.sample_aspect_ratio
        if aspect:
            picture = picture.resize((round(picture.width * aspect), picture.height))
        picture = picture.rotate(frame.rotation, expand=True)
        if picture.width > PICTURE_WIDTH:
            picture = picture.resize((PICTURE_WIDTH, round(picture.height * PICTURE_WIDTH / picture.width)))
        return picture
