"""One picture of the same frame of two videos, side by side."""

from pathlib import Path

import av
from PIL import Image, ImageDraw, ImageFont

PICTURE_WIDTH = 960  # pixels, of each half


def compare(before: Path, after: Path, target: Path) -> None:
    """Write one picture with the frame in the middle of both videos, side by side."""
    halves = [(_middle_frame(before), "before"), (_middle_frame(after), "after")]
    height = max(picture.height for picture, _ in halves)
    sheet = Image.new("RGB", (sum(picture.width for picture, _ in halves) + 12, height + 44), "white")
    draw = ImageDraw.Draw(sheet)
    left = 0
    for picture, label in halves:
        sheet.paste(picture, (left, 44))
        draw.text((left + 12, 8), label, font=ImageFont.load_default(size=24), fill="black")
        left += picture.width + 12
    sheet.save(target)


def _middle_frame(video: Path) -> Image.Image:
    with av.open(str(video)) as source:
        stream = source.streams.video[0]
        middle = (source.duration or 0) / av.time_base / 2 + (stream.start_time or 0) * float(stream.time_base or 0)
        frames = source.decode(stream)
        frame = next(frames)
        for frame in frames:
            if frame.time is not None and frame.time >= middle:
                break
        picture: Image.Image = frame.to_image()
        aspect = stream.sample_aspect_ratio
        if aspect:
            picture = picture.resize((round(picture.width * aspect), picture.height))
        picture = picture.rotate(frame.rotation, expand=True)
        if picture.width > PICTURE_WIDTH:
            picture = picture.resize((PICTURE_WIDTH, round(picture.height * PICTURE_WIDTH / picture.width)))
        return picture
