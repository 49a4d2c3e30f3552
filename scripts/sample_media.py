"""Make small videos and a logo to try the pipeline with: python -m scripts.sample_media --help.

Everything is drawn and synthesised here, so that no media file has to be shipped or fetched.
"""

import argparse
import math
from array import array
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageDraw, ImageFont

SAMPLE_RATE = 48_000  # Hz
BT709, LIMITED = 1, 1  # numbers of H.273 and of FFmpeg's AVCOL_RANGE_MPEG


def make_clip(path: Path, *, width: int = 1280, height: int = 720, rate: int = 30, seconds: float = 6.0) -> None:
    """Write an H.264 video of a moving scene with a stereo tone.

    Args:
        path: the .mp4 to write.
        width: in pixels; even, as 4:2:0 wants.
        height: in pixels; even.
        rate: frames per second.
        seconds: length of picture and sound.
    """
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as output:
        video = output.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "20"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        context = video.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED
        audio = output.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
        background = _sky(width, height)
        for index in range(round(seconds * rate)):
            frame = _coded(_scene(background, index / rate, seconds))
            frame.pts, frame.time_base = index, Fraction(1, rate)
            output.mux(video.encode(frame))
        for start in range(0, round(seconds * SAMPLE_RATE), 1024):
            output.mux(audio.encode(_tone(start)))
        output.mux(audio.encode(None))
        output.mux(video.encode(None))


def make_logo(path: Path, text: str = "YOUR LOGO") -> None:
    """Write a PNG of 480 by 140 pixels: a white badge with a play sign, half transparent at its edges."""
    scale = 4  # drawn large and shrunk, which smooths the edges
    badge = Image.new("RGBA", (480 * scale, 140 * scale), (0, 0, 0, 0))
    draw = ImageDraw.Draw(badge)
    draw.rounded_rectangle((0, 0, 480 * scale - 1, 140 * scale - 1), radius=36 * scale, fill=(16, 24, 40, 150))
    draw.ellipse((24 * scale, 24 * scale, 116 * scale, 116 * scale), fill=(255, 255, 255, 235))
    draw.polygon([(56 * scale, 46 * scale), (56 * scale, 94 * scale), (96 * scale, 70 * scale)], fill=(16, 24, 40, 255))
    font = ImageFont.load_default(size=50 * scale)
    draw.text((140 * scale, 70 * scale), text, font=font, fill=(255, 255, 255, 235), anchor="lm")
    badge.resize((480, 140), Image.Resampling.LANCZOS).save(path, optimize=True)


def _sky(width: int, height: int) -> Image.Image:
    column = Image.new("RGB", (1, height))
    for y in range(height):
        share = y / height
        column.putpixel((0, y), (round(40 + 190 * share), round(90 + 90 * share), round(170 - 60 * share)))
    return column.resize((width, height))


def _scene(background: Image.Image, time: float, seconds: float) -> Image.Image:
    picture = background.copy()
    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    sun = (width * (0.1 + 0.8 * time / seconds), height * (0.55 - 0.35 * math.sin(math.pi * time / seconds)))
    radius = height * 0.09
    draw.ellipse((sun[0] - radius, sun[1] - radius, sun[0] + radius, sun[1] + radius), fill=(255, 236, 170))
    for layer, colour in enumerate([(52, 78, 92), (38, 58, 70), (24, 36, 46)]):
        base = height * (0.62 + 0.13 * layer)
        shift = time * width * 0.04 * (layer + 1)
        ridge = [
            (x, base - height * 0.08 * math.sin((x + shift) * 2 * math.pi / width * (2 + layer)))
            for x in range(0, width + 16, 16)
        ]
        draw.polygon([(0, height), *ridge, (width, height)], fill=colour)
    font = ImageFont.load_default(size=height / 18)
    draw.text((width * 0.03, height * 0.05), f"{time:05.2f} s", font=font, fill="white")
    return picture


def _coded(picture: Image.Image) -> av.VideoFrame:
    """Return a frame of BT.709 that says so: without the tags each player guesses another matrix."""
    frame: av.VideoFrame = av.VideoFrame.from_image(picture)
    frame = frame.reformat(format="yuv420p", dst_colorspace=BT709, dst_color_range=LIMITED)
    frame.colorspace = frame.color_primaries = frame.color_trc = BT709
    frame.color_range = LIMITED
    return frame


def _tone(start: int) -> av.AudioFrame:
    def level(channel: int, sample: int) -> float:
        return 0.1 * math.sin(2 * math.pi * (440 + 220 * channel) * sample / SAMPLE_RATE)

    frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
    frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
    for channel, plane in enumerate(frame.planes):
        plane.update(array("f", [level(channel, sample) for sample in range(start, start + 1024)]).tobytes())
    return frame


def main() -> None:
    """Write a clip or a logo where the command line says."""
    parser = argparse.ArgumentParser(prog="python -m scripts.sample_media", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    clip = commands.add_parser("clip", help="write a video")
    clip.add_argument("path", type=Path)
    clip.add_argument("--size", default="1280x720", metavar="WxH")
    clip.add_argument("--rate", type=int, default=30, metavar="FPS")
    clip.add_argument("--seconds", type=float, default=6.0)
    logo = commands.add_parser("logo", help="write a transparent PNG")
    logo.add_argument("path", type=Path)
    logo.add_argument("--text", default="YOUR LOGO")
    arguments = parser.parse_args()
    if arguments.command == "clip":
        width, height = (int(part) for part in arguments.size.split("x"))
        make_clip(arguments.path, width=width, height=height, rate=arguments.rate, seconds=arguments.seconds)
    else:
        make_logo(arguments.path, arguments.text)


if __name__ == "__main__":
    main()
