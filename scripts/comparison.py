"""One picture of the same frame of two videos, side by side."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from worker.engine.frames import frame_at, telling_moment
from worker.watermark import Overlay

PICTURE_WIDTH = 960  # pixels, of each half


def compare(before: Path, after: Path, target: Path, overlays: Sequence[Overlay] = ()) -> None:
    """Write one picture with the same frame of both videos, side by side.

    Args:
        overlays: What the one has and the other has not. Shown is the frame that has most of them, the one nearest to
            the middle if there are several.
    """
    with before.open("rb") as file:
        moment = telling_moment(file, overlays)
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


def _frame(video: Path, moment: Fraction) -> Image.Image:
    with video.open("rb") as file:
        picture = frame_at(file, moment).displayed()
    if picture.width > PICTURE_WIDTH:
        picture = picture.resize((PICTURE_WIDTH, round(picture.height * PICTURE_WIDTH / picture.width)))
    return picture
