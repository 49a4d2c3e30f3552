"""Clips for tests, made by the same libraries that the engine uses. Other rooms may import this too.

Whether a result is its source plus a watermark is asserted by the fixture `marked` (see same_video.py), and what goes
in and comes out is told to the table of docs/inputs.md by `@pytest.mark.input_row` (see inputs_table.py).
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import av
from av import AudioFrame, Packet, VideoFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import OutputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream
from PIL import Image

from worker.engine import svtav1

if TYPE_CHECKING:
    from av.container.core import Chapter

SAMPLE_RATE = 48000
MILLISECOND = Fraction(1, 1000)


@dataclass(frozen=True)
class Sound:
    """What a track of sound is to be like.

    Attributes:
        start: Seconds on the file's clock.
        seconds: None is as long as the picture.
    """

    codec: str = "aac"
    rate: int = SAMPLE_RATE
    layout: str = "stereo"
    language: str = "eng"
    title: str | None = None
    handler: str | None = None
    disposition: Disposition | None = None
    start: Fraction = Fraction(0)
    seconds: float | None = None
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Subtitles:
    """What a track of subtitles (mov_text) is to be like.

    Attributes:
        cues: Start and end in milliseconds, the text, and boxes with its styles (3GPP TS 26.245).
    """

    cues: Sequence[tuple[int, int, str, bytes]]
    language: str = "eng"
    title: str | None = None
    disposition: Disposition | None = None


@dataclass(frozen=True)
class Clip:
    """What a clip is to be like.

    Attributes:
        rate: Frames per second; ignored where `times` is given.
        times: Presentation times of the frames in ticks of `time_base`, for a variable rate.
        rotation: Degrees clockwise that players turn the picture.
        languages: One audio track of AAC for each, titled by it; further tracks are `sounds`.
        cover: mjpeg or png.
        format: Of the file: mp4 or mov.
        colour: matrix, range, primaries, transfer as H.273 codes.
        grey: Luma of the still background; None gives a moving picture.
    """

    width: int = 320
    height: int = 180
    rate: int = 25
    seconds: float = 1.0
    times: Sequence[int] | None = None
    time_base: Fraction = Fraction(1, 12800)
    rotation: int = 0
    mirrored: bool = False
    languages: Sequence[str] = ("eng",)
    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    b_frames: int = 2
    aspect: Fraction | None = None
    colour: tuple[int, int, int, int] | None = None
    chapters: Sequence[tuple[int, int, str]] = ()
    timecode: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    cover: str | None = None
    audio_delay: Fraction = Fraction(0)
    grey: int | None = 128
    options: dict[str, str] = field(default_factory=dict)
    movflags: str = "+faststart"
    interlaced: bool = False
    sounds: Sequence[Sound] = ()
    subtitles: Sequence[Subtitles] = ()
    format: str = "mp4"
    muxer: dict[str, str] = field(default_factory=dict)

    def all_sounds(self) -> list[Sound]:
        named = [Sound(language=name, title=f"Track {name}", start=self.audio_delay) for name in self.languages]
        return [*named, *self.sounds]

    def frame_times(self) -> list[int]:
        """Return the frames' times in ticks."""
        if self.times is not None:
            return list(self.times)
        step = Fraction(1, self.rate) / self.time_base
        return [int(index * step) for index in range(round(self.rate * self.seconds))]


ORDINARY = Clip()


def make_clip(path: Path, clip: Clip = ORDINARY) -> Path:
    """Write a clip and return its path."""
    options = {"movflags": clip.movflags, "video_track_timescale": str(clip.time_base.denominator)}
    options |= clip.muxer
    with av.open(str(path), "w", format=clip.format, container_options=options) as output:
        output.metadata.update(clip.metadata)
        video = _add_video(output, clip)
        tracks = [(_add_audio(output, sound), sound) for sound in clip.all_sounds()]
        if clip.chapters:
            output.set_chapters([_chapter(number, *chapter) for number, chapter in enumerate(clip.chapters)])
        texts = [(_add_subtitles(output, subtitles), subtitles) for subtitles in clip.subtitles]
        if clip.cover:
            _add_cover(output, clip.cover)
        for frame in video_frames(clip):
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        for number, (track, sound) in enumerate(tracks):
            _write_audio(output, track, sound, clip, number)
        for text, subtitles in texts:
            _write_subtitles(output, text, subtitles)
    return path


def repeat_clip(path: Path, source: Path, times: int) -> Path:
    """Write the pictures of a clip several times in a row, without encoding them again, and return the new path."""
    with av.open(str(source)) as input_, av.open(str(path), "w", format="mp4") as output:
        [video] = input_.streams.video
        copy = output.add_stream_from_template(video)
        assert video.duration is not None
        packets = [packet for packet in input_.demux(video) if packet.size]
        for number in range(times):
            for original in packets:
                packet = Packet(bytes(original))
                packet.stream, packet.time_base = copy, original.time_base
                packet.is_keyframe, packet.duration = original.is_keyframe, original.duration
                assert original.pts is not None
                assert original.dts is not None
                packet.pts, packet.dts = (time + number * video.duration for time in (original.pts, original.dts))
                output.mux(packet)
    return path


def _chapter(number: int, start: int, end: int, title: str) -> "Chapter":
    milliseconds = av.rational.AVRational(1, 1000)
    return {"id": number, "start": start, "end": end, "time_base": milliseconds, "metadata": {"title": title}}


def _add_cover(output: OutputContainer, codec: str) -> None:
    pixel_format = "yuvj420p" if codec == "mjpeg" else "rgb24"
    cover = output.add_stream(codec, rate=25)
    assert isinstance(cover, VideoStream)
    cover.width = cover.height = 64
    cover.pix_fmt = pixel_format
    cover.disposition = Disposition.attached_pic
    frame = VideoFrame.from_image(Image.new("RGB", (64, 64), (1, 200, 3))).reformat(format=pixel_format)
    frame.pts = 0
    output.mux(cover.encode(frame) + cover.encode(None))


def _add_video(output: OutputContainer, clip: Clip) -> VideoStream:
    options = {"threads": "1"} | clip.options
    match clip.codec:
        case "libx264":
            options = {"preset": "ultrafast", "bf": str(clip.b_frames)} | options
        case "libx265":
            options = {"preset": "ultrafast", "bf": str(clip.b_frames)} | options
            options["x265-params"] = ":".join(("log-level=none:pools=1", *filter(None, [options.get("x265-params")])))
        case "libsvtav1":
            svtav1.be_considerate()
            options = {"preset": "12", "crf": "20", "svtav1-params": "lp=1"} | options
        case "libvpx-vp9":
            options = {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "0"} | options
        case "mpeg4" | "mpeg2video" | "mjpeg":
            options = {"qscale": "2", "flags": "+qscale", "global_quality": str(2 * 118)} | options
    video = output.add_stream(clip.codec, rate=clip.rate, options=options)
    assert isinstance(video, VideoStream)
    context = video.codec_context
    context.width, context.height, context.pix_fmt = clip.width, clip.height, clip.pixel_format
    context.time_base = clip.time_base
    if clip.aspect:
        context.sample_aspect_ratio = clip.aspect
    if clip.colour:
        context.colorspace, context.color_range, context.color_primaries, context.color_trc = clip.colour
    context.flags |= Flags.frame_duration  # or the last frame gets a length of its own
    if clip.interlaced:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
    if clip.rotation or clip.mirrored:
        video.set_display_rotation(-clip.rotation, hflip=clip.mirrored)
    if clip.timecode:
        video.metadata["timecode"] = clip.timecode
    return video


def video_frames(clip: Clip) -> list[VideoFrame]:
    """Return the clip's pictures before encoding."""
    frames = []
    times = clip.frame_times()
    for index, time in enumerate(times):
        if clip.grey is None:
            gradient = Image.linear_gradient("L").resize((clip.width, clip.height)).rotate(index * 3)
            picture = Image.merge("RGB", (gradient, gradient.transpose(Image.Transpose.ROTATE_180), gradient))
            frame = VideoFrame.from_image(picture).reformat(format=clip.pixel_format)
        else:
            grey = Image.new("RGB", (clip.width, clip.height), (clip.grey,) * 3)
            frame = VideoFrame.from_image(grey).reformat(format=clip.pixel_format)
        frame.pts, frame.time_base = time, clip.time_base
        frame.duration = (times[index + 1] if index + 1 < len(times) else 2 * time - times[index - 1]) - time
        if clip.colour:
            frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc = clip.colour
        frames.append(frame)
    return frames


def _add_audio(output: OutputContainer, sound: Sound) -> AudioStream:
    track = output.add_stream(sound.codec, rate=sound.rate, layout=sound.layout, options=sound.options)
    assert isinstance(track, AudioStream)
    names = {"language": sound.language, "title": sound.title, "handler_name": sound.handler}
    track.metadata.update({key: value for key, value in names.items() if value is not None})
    if sound.disposition:
        track.disposition = sound.disposition
    return track


def _write_audio(output: OutputContainer, track: AudioStream, sound: Sound, clip: Clip, number: int) -> None:
    seconds = clip.frame_times()[-1] * clip.time_base if sound.seconds is None else sound.seconds
    position = int(sound.start * sound.rate)
    for block in range(int(seconds * sound.rate / 1024) + 1):
        frame = AudioFrame(format="flt", layout=sound.layout, samples=1024)
        channels = range(frame.layout.nb_channels)
        tones = [noise(1024, seed=block * 7 + number * 31 + channel * 1009) for channel in channels]
        frame.planes[0].update(array("f", (value for values in zip(*tones, strict=True) for value in values)).tobytes())
        frame.rate, frame.pts, frame.time_base = sound.rate, position, Fraction(1, sound.rate)
        position += 1024
        output.mux(track.encode(frame))
    output.mux(track.encode(None))


def _add_subtitles(output: OutputContainer, subtitles: Subtitles) -> Stream:
    track = output.add_mux_stream("mov_text", time_base=MILLISECOND)
    track.metadata["language"] = subtitles.language
    if subtitles.title:
        track.metadata["title"] = subtitles.title
    if subtitles.disposition:
        track.disposition = subtitles.disposition
    return track


def _write_subtitles(output: OutputContainer, track: Stream, subtitles: Subtitles) -> None:
    for start, end, text, styles in subtitles.cues:
        content = text.encode()
        packet = Packet(len(content).to_bytes(2) + content + styles)
        packet.pts = packet.dts = start
        packet.duration, packet.time_base, packet.is_keyframe = end - start, MILLISECOND, True
        packet.stream = track
        output.mux(packet)


def noise(samples: int, seed: int) -> list[float]:
    """Return a soft rumble, which no other place of any track has."""
    source = Random(seed)  # noqa: S311 - not for secrets
    values = [0.0]
    for _ in range(samples):
        values.append(0.9 * values[-1] + source.uniform(-0.1, 0.1))
    return values[1:]


def frames_of(path: Path) -> list[VideoFrame]:
    """Decode a short movie."""
    with av.open(str(path)) as movie:
        return list(movie.decode(video=0))


def displayed(frame: VideoFrame, aspect: Fraction = Fraction(1)) -> Image.Image:
    """Return what a viewer sees: turned as the display matrix says, in square pixels, in RGB."""
    image: Image.Image = frame.to_image()
    if aspect != 1:
        image = image.resize((round(image.width * aspect), image.height))
    return image.rotate(frame.rotation, expand=True)


def make_logo(
    path: Path, size: tuple[int, int] = (64, 32), colour: tuple[int, int, int, int] = (255, 0, 0, 255)
) -> Path:
    """Write a one-coloured image."""
    Image.new("RGBA", size, colour).save(path)
    return path
