"""Files that are no video, or not one for this engine: the right code, a clear sentence, and no output."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from av.video.stream import VideoStream
from PIL import Image

from worker.errors import (
    ConfigurationInvalid,
    CorruptInput,
    NoVideoStream,
    SourceGone,
    UnsupportedInput,
    WatermarkError,
    WatermarkInvalid,
    WatermarkNotFound,
)
from worker.local import run_local
from worker.tests.media import Clip, make_clip


def attempt(source: Path, logo: Path, tmp_path: Path) -> WatermarkError:
    output = tmp_path / "out" / "output.mp4"
    output.parent.mkdir(exist_ok=True)
    with pytest.raises(WatermarkError) as caught:
        run_local(source, output, logo, lambda *_: None)
    assert list(output.parent.iterdir()) == []
    assert not re.search("upload|pipeline|task", caught.value.message + caught.value.hint_for_files(), re.IGNORECASE)
    return caught.value


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "a" * 100)
    return buffer.getvalue()


def _png(side: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 50).save(buffer, "PNG")
    return buffer.getvalue()


def _other(format_name: str, codec: str) -> bytes:
    """Return a real video in another container."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=format_name) as output:
        stream = output.add_stream(codec, rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for time in range(5):
            frame = av.VideoFrame(64, 64, "yuv420p")
            frame.pts = time
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


# What the file is: its content, the error, and a word of its sentence.
NO_VIDEO: dict[str, tuple[Callable[[], bytes], type[WatermarkError], str]] = {
    "nothing, 0 bytes": (bytes, CorruptInput, "empty"),
    "a text": (lambda: b"hello, world\n" * 50, CorruptInput, "text"),
    "HTML": (lambda: b"<!DOCTYPE html><html></html>", CorruptInput, "HTML"),
    "a script of ffconcat": (lambda: b"ffconcat version 1.0\nfile clip.mp4\n", CorruptInput, "playlist"),
    "a playlist (HLS)": (lambda: b"#EXTM3U\n#EXTINF:1,\nclip.mp4\n", CorruptInput, "playlist"),
    "a ZIP archive": (_zip, CorruptInput, "ZIP"),
    "a PNG": (_png, CorruptInput, "PNG"),
    "Matroska": (lambda: _other("matroska", "libx264"), UnsupportedInput, "Matroska"),
    "WebM": (lambda: _other("webm", "libvpx-vp9"), UnsupportedInput, "WebM"),
    "AVI": (lambda: _other("avi", "mpeg4"), UnsupportedInput, "AVI"),
    "MPEG-TS": (lambda: _other("mpegts", "libx264"), CorruptInput, "begin"),
    "zeros": (lambda: bytes(5000), CorruptInput, "begin"),
    "an MP4 without moov": (
        lambda: b"\0\0\0\x18ftypisom" + bytes(12) + b"\0\0\0\x10mdat" + bytes(8), CorruptInput, "moov"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "error", "word"), [
    pytest.param(*row, id=name, marks=pytest.mark.input_row("Refused", f"{name}, named .mp4", f"`{row[1].code}`"))
    for name, row in NO_VIDEO.items()
])  # fmt: skip
def test_what_is_no_video(
    content: Callable[[], bytes], error: type[WatermarkError], word: str, logo: Path, tmp_path: Path, clip: Path
) -> None:
    assert clip.exists()  # for the playlists to find
    source = tmp_path / "bad.mp4"
    source.write_bytes(content())
    raised = attempt(source, logo, tmp_path)
    assert type(raised) is error
    assert word in raised.message


@pytest.mark.input_row("Refused", "cut off, moov in front: at 30, 50, 90 or 99 per cent", "`CORRUPT_INPUT`")
@pytest.mark.parametrize("share", [0.3, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_off(share: float, logo: Path, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "cut.mp4", Clip(grey=None))
    content = source.read_bytes()
    source.write_bytes(content[: int(len(content) * share)])
    assert isinstance(attempt(source, logo, tmp_path), CorruptInput)


@pytest.mark.input_row("Refused", "cut in half, moov at the end", "`CORRUPT_INPUT`")
def test_a_file_that_is_cut_off_in_front_of_its_index(logo: Path, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "cut.mp4", Clip(grey=None, movflags="-faststart"))
    content = source.read_bytes()
    source.write_bytes(content[: len(content) // 2])
    raised = attempt(source, logo, tmp_path)
    assert isinstance(raised, CorruptInput)
    assert "moov" in raised.message


@pytest.mark.input_row("Refused", "encrypted (DRM, cenc)", "`UNSUPPORTED_INPUT`")
def test_a_file_that_is_encrypted(logo: Path, tmp_path: Path) -> None:
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "ab" * 16, "encryption_kid": "cd" * 16}
    source = make_clip(tmp_path / "drm.mp4", Clip(seconds=0.2, muxer=key, languages=()))
    raised = attempt(source, logo, tmp_path)
    assert isinstance(raised, UnsupportedInput)
    assert "DRM" in raised.message


@pytest.mark.input_row("Refused", "damaged in its middle third", "`CORRUPT_INPUT`")
def test_a_file_that_is_damaged_inside(logo: Path, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "damaged.mp4", Clip(grey=None, languages=()))
    content = bytearray(source.read_bytes())
    begin = content.find(b"mdat") + (len(content) - content.find(b"mdat")) // 3
    content[begin : begin + len(content) // 3] = bytes(
        byte ^ 0x5A for byte in content[begin : begin + len(content) // 3]
    )
    source.write_bytes(bytes(content))
    assert isinstance(attempt(source, logo, tmp_path), CorruptInput)


@pytest.mark.input_row("Refused", "sound alone", "`NO_VIDEO_STREAM`")
def test_sound_alone(logo: Path, tmp_path: Path) -> None:
    source = tmp_path / "sound.mp4"
    with av.open(str(source), "w", format="mp4") as output:
        track = output.add_stream("aac", rate=48000)
        for index in range(10):
            frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            frame.rate, frame.pts = 48000, index * 1024
            output.mux(track.encode(frame))
        output.mux(track.encode(None))
    assert isinstance(attempt(source, logo, tmp_path), NoVideoStream)


@pytest.mark.input_row("Refused", "a video codec that nobody knows", "`UNSUPPORTED_INPUT`")
def test_a_codec_that_nobody_knows(logo: Path, tmp_path: Path, clip: Path) -> None:
    source = tmp_path / "unknown.mp4"
    source.write_bytes(clip.read_bytes().replace(b"avc1\0", b"xyzw\0").replace(b"mp41", b"mp42"))
    error = attempt(source, logo, tmp_path)
    assert isinstance(error, UnsupportedInput)
    assert "codec" in error.message


@pytest.mark.input_row("Refused", "a codec that FFmpeg knows and players do not", "`UNSUPPORTED_INPUT`")
def test_a_codec_that_is_not_handled(logo: Path, tmp_path: Path) -> None:
    clip = Clip(codec="rawvideo", pixel_format="yuyv422", format="mov", languages=(), seconds=0.08)
    error = attempt(make_clip(tmp_path / "raw.mov", clip), logo, tmp_path)
    assert isinstance(error, UnsupportedInput)
    assert error.message == "The video codec is rawvideo, which is not handled."


@pytest.mark.parametrize(
    ("clip", "word"),
    [
        (Clip(codec="libx265", pixel_format="gbrp", languages=(), seconds=0.2, b_frames=0), "RGB"),
        (Clip(codec="libx265", pixel_format="gbrp10le", languages=(), seconds=0.2, b_frames=0), "RGB"),
        (Clip(pixel_format="yuv444p", colour=(8, 1, 1, 1), languages=(), seconds=0.2), "YCgCo"),
        (Clip(codec="libx265", pixel_format="yuv420p10le", colour=(14, 1, 9, 16), languages=(), seconds=0.2), "ICtCp"),
    ],
    ids=["rgb", "rgb-10", "ycgco", "ictcp"],
)
@pytest.mark.input_row("Refused", "RGB, YCgCo or ICtCp instead of Y'CbCr", "`UNSUPPORTED_INPUT`")
def test_colours_that_are_not_coded_as_others(clip: Clip, word: str, logo: Path, tmp_path: Path) -> None:
    error = attempt(make_clip(tmp_path / "colours.mp4", clip), logo, tmp_path)
    assert isinstance(error, UnsupportedInput)
    assert word in error.message
    assert error.message.count(".") == 1


@pytest.mark.input_row("Refused", "more than 8K", "`UNSUPPORTED_INPUT`")
def test_more_than_8k(logo: Path, tmp_path: Path) -> None:
    clip = Clip(8256, 64, languages=(), seconds=0.08, rate=25)
    error = attempt(make_clip(tmp_path / "wide.mp4", clip), logo, tmp_path)
    assert isinstance(error, UnsupportedInput)
    assert "8256x64" in error.message


@pytest.mark.parametrize(
    ("draw", "word"),
    [
        (lambda path: path.write_bytes(b"no image"), "no PNG"),
        (lambda path: Image.new("1", (16000, 16000)).save(path, "PNG"), "16000x16000"),
        (lambda path: path.write_bytes(_png(64)[:2000]), "broken"),
        (lambda path: Image.new("RGB", (8, 8)).save(path, "BMP"), "no PNG"),
        (lambda path: Image.new("RGB", (1, 2000)).save(path, "PNG"), "smaller width"),
    ],
)
def test_a_broken_or_monstrous_watermark(
    draw: Callable[[Path], object], word: str, clip: Path, tmp_path: Path
) -> None:  # fmt: skip
    mark = tmp_path / "mark.png"
    draw(mark)
    error = attempt(clip, mark, tmp_path)
    assert isinstance(error, WatermarkInvalid)
    assert word in error.message + error.hint


@pytest.mark.parametrize(
    ("document", "word"),
    [
        ('{"overlays": [{"image": "logo.png", "width": 1, "tile": 0}]}', "tiles"),
        ('{"overlays": [{"image": "logo.png", "position": {"x": 5000, "y": 0}}]}', "outside"),
        ('{"overlays": [{"text": "a"}, {"text": "漢"}]}', "U+6F22"),
        (
            '{"overlays": [{"text": "much, much wider than the picture is", "size": "100%"}]}',
            "pixels on a picture of 320x180",
        ),
        ('{"overlays": [{"text": "a", "image": "logo.png"}]}', "either an image or a text"),
    ],
)
def test_a_watermark_that_makes_no_sense(document: str, word: str, clip: Path, logo: Path, tmp_path: Path) -> None:
    assert logo.exists()
    mark = tmp_path / "mark.json"
    mark.write_text(document)
    error = attempt(clip, mark, tmp_path)
    assert isinstance(error, WatermarkInvalid)
    assert word in error.message


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"opacity": 0}, "opacity"),
        ({"start": 1}, "starts at 1 s, but the video ends at 1.0"),
        ({"position": {"x": 5000, "y": 0}}, "outside the picture"),
        ({"position": {"x": -40, "y": 0}, "width": 72, "image": "right_half_empty.png"}, "lies outside"),
        ({"image": "transparent.png"}, "transparent all over"),
        ({"start": 0.01, "end": 0.03}, "of no frame"),  # between two frames
        ({"start": 0.99, "fade": 1000}, "of no frame"),  # after the last frame began
        ({"image": "faint.png", "opacity": 0.4}, "of no frame"),
    ],
)
def test_the_bare_video_is_never_a_result(
    settings: dict[str, object], why: str, logo: Path, tmp_path: Path
) -> None:  # fmt: skip
    assert logo.exists()
    Image.new("RGBA", (64, 32), (255, 0, 0, 0)).save(tmp_path / "transparent.png")
    Image.new("RGBA", (64, 32), (255, 0, 0, 1)).save(tmp_path / "faint.png")
    half = Image.new("RGBA", (72, 32), (255, 0, 0, 0))
    half.paste((255, 0, 0, 255), (0, 0, 40, 32))
    half.save(tmp_path / "right_half_empty.png")
    (tmp_path / "mark.json").write_text(json.dumps({"overlays": [{"image": "logo.png"} | settings]}))
    source = make_clip(tmp_path / "in.mp4", Clip(languages=()))
    error = attempt(source, tmp_path / "mark.json", tmp_path)
    assert isinstance(error, WatermarkInvalid)
    assert "never visible" in error.message
    assert why in error.message


def test_one_mark_that_starts_too_late_does_not_matter_beside_one_that_shows(logo: Path, tmp_path: Path) -> None:
    assert logo.exists()
    (tmp_path / "mark.json").write_text('{"overlays": [{"image": "logo.png"}, {"image": "logo.png", "start": 60}]}')
    source = make_clip(tmp_path / "in.mp4", Clip(seconds=0.2, languages=()))
    assert run_local(source, tmp_path / "out.mp4", tmp_path / "mark.json", lambda *_: None).frames == 5


def test_files_that_are_not_there(clip: Path, logo: Path, tmp_path: Path) -> None:
    assert isinstance(attempt(tmp_path / "none.mp4", logo, tmp_path), SourceGone)
    assert isinstance(attempt(clip, tmp_path / "none.png", tmp_path), WatermarkNotFound)
    (tmp_path / "mark.json").write_text('{"overlays": [{"image": "none.png"}]}')
    assert isinstance(attempt(clip, tmp_path / "mark.json", tmp_path), WatermarkNotFound)


def test_the_input_is_never_overwritten(clip: Path, logo: Path, tmp_path: Path) -> None:
    before = clip.read_bytes()
    (tmp_path / "link.mp4").hardlink_to(clip)
    for output in (clip, tmp_path / "link.mp4", tmp_path / "none" / "out.mp4"):
        with pytest.raises(ConfigurationInvalid):
            run_local(clip, output, logo, lambda *_: None)
    assert clip.read_bytes() == before
