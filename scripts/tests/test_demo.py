"""What the demo checks before it starts anything, and its picture of one frame before and after."""

import json
import os
import sys
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image
from rich.console import Console

from scripts import demo, sample_media
from scripts.comparison import compare
from scripts.sample_media import make_logo
from videobatch.watermark_file import WatermarkFile
from worker.local import run_local
from worker.tests.media import Clip, make_clip


@pytest.mark.parametrize("frames", [1, 2, 3, 25])
def test_every_length_has_a_frame_to_show(frames: int, tmp_path: Path) -> None:
    video = make_clip(tmp_path / "short.mp4", Clip(seconds=frames / 25, languages=(), b_frames=2))
    compare(video, video, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 2 * 320


@pytest.mark.parametrize("delay", [Fraction(0), Fraction(1, 2)])
@pytest.mark.parametrize(
    "when",
    [
        {"start": 0.03, "end": 0.05},  # one frame
        {"start": 0.84},
        {"end": 0.12},
        {"start": 0.2, "end": 0.6, "fade": 0.2},  # one frame has all of it
    ],
)
def test_the_frame_that_is_shown_has_the_mark(when: dict[str, float], delay: Fraction, tmp_path: Path) -> None:
    ticks = [int(delay * 12800) + number * 512 for number in range(25)]
    video = make_clip(tmp_path / "video.mp4", Clip(times=ticks, languages=()))
    Image.new("RGB", (8, 8), "red").save(tmp_path / "red.png")
    document = {"overlays": [{"image": "red.png", "position": "center", "width": 64, **when}]}
    (tmp_path / "mark.json").write_text(json.dumps(document))
    run_local(video, tmp_path / "after.mp4", tmp_path / "mark.json", lambda *_: None)
    overlays = WatermarkFile.read(tmp_path / "mark.json").overlays
    compare(video, tmp_path / "after.mp4", tmp_path / "sheet.png", overlays)
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = [sheet.convert("RGB").getpixel((left + 160, 44 + 90)) for left in (0, 332)]
    for pixel, wanted in zip(pixels, [(128, 128, 128), (255, 0, 0)], strict=True):
        assert isinstance(pixel, tuple)
        assert max(abs(one - other) for one, other in zip(pixel, wanted, strict=True)) < 6


def test_a_note_is_one_line_for_whoever_copies_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "console", Console(width=40))
    note = "The watermark [bold] is larger than the picture has room for: its left part is cut off."
    demo.show_result({"job_id": "a", "timings": {}, "notes": [note]}, [], demo.Stopwatch())
    assert f"note: {note}\n" in capsys.readouterr().out


def test_the_sample_has_the_colours_that_it_says(tmp_path: Path) -> None:
    sample_media.make_clip(tmp_path / "sample.mp4", width=320, height=180, seconds=0.1)
    with av.open(str(tmp_path / "sample.mp4")) as movie:
        context = movie.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        frame = next(movie.decode(video=0)).reformat(format="rgb24", src_colorspace=1)
    pixel = frame.to_image().getpixel((318, 2))
    assert isinstance(pixel, tuple)
    assert max(abs(value - drawn) for value, drawn in zip(pixel, (42, 91, 169), strict=True)) < 8


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Refused":
    return Refused(monkeypatch, capsys)


class Refused:
    """Runs the demo, which must end before it starts an account."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        monkeypatch.delattr(demo, "use_account")
        monkeypatch.setattr(demo, "EMULATOR", "/nothing/may/be/started")
        monkeypatch.setattr(demo, "clean_up_on_sigterm", lambda: None)  # pytest is the process that it would change

    def __call__(self, *arguments: str | Path) -> str:
        """Return what it says on standard error."""
        self._monkeypatch.setattr(sys, "argv", ["demo", *map(str, arguments)])
        assert demo.main() == 1
        return self._capsys.readouterr().err


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "video.mp4"
    path.write_bytes(b"not looked into before the upload")
    return path


def test_a_folder_for_results_that_takes_none_is_named(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "OUT", Path("/sys/out"))
    assert refused().startswith("demo.sh: nothing can be written to /sys/out: ")


def test_a_file_that_cannot_be_read_is_named(refused: Refused, tmp_path: Path) -> None:
    unreadable = tmp_path / "unreadable.mp4"
    unreadable.symlink_to("/proc/self/mem")  # whose first byte not even root can read
    assert refused(unreadable) == f"demo.sh: {unreadable} cannot be read: Input/output error\n"


def test_a_folder_is_called_one(refused: Refused, tmp_path: Path) -> None:
    assert refused(tmp_path) == f"demo.sh: {tmp_path} is a folder; name a file in it\n"


def test_what_is_no_watermark_is_said(refused: Refused, video: Path) -> None:
    assert "video.mp4 is neither a picture (.png, .apng, " in refused(video, video)


def test_an_animation_is_a_watermark(video: Path, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (64, 32), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "mark.gif", save_all=True, append_images=frames[1:])
    _, watermark = demo.read_arguments([str(video), str(tmp_path / "mark.gif")])
    assert watermark is not None
    assert list(watermark.images) == ["mark.gif"]


def test_a_name_that_is_not_utf_8_is_said(refused: Refused, tmp_path: Path) -> None:
    strange = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    strange.touch()
    assert "caf\\udce9.mp4' is not UTF-8" in refused(strange)


def test_a_folder_where_the_result_would_go_is_said(
    refused: Refused, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "OUT", tmp_path / "out")
    (tmp_path / "out" / "video.png").mkdir(parents=True)
    assert "video.png is where the result would go, and no ordinary file" in refused(video)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("my.json", b"{", "The watermark my.json is not valid JSON"),
        ("my.json", b" " * 100_000, "The watermark my.json is longer than 65536 bytes."),
        ("my.json", b'{"overlays": [{"image": "logo.png", "opacity": 2}]}', "wrong at overlays.0.opacity"),
        ("my.json", b'{"overlays": [{"image": "none.png"}]}', "names the image none.png, but there is no file"),
        ("my.json", rb'{"overlays": [{"text": "\u6f22"}]}', "has the character '漢' (U+6F22)"),
        ("my.png", b"no picture", "The watermark image my.png is no PNG, JPEG, WebP or GIF file."),
        ("my.jpg", b"\xff\xd8\xff", "The watermark image my.jpg "),
    ],
)
def test_a_watermark_is_refused_by_its_own_name_before_anything_starts(
    name: str, content: bytes, sentence: str, refused: Refused, video: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    make_logo(tmp_path / "logo.png")
    assert sentence in refused(video, tmp_path / name)


@pytest.mark.parametrize(
    ("name", "called"),
    [("logo.png", "logo"), (" my logo.PNG", "my logo"), ("é%.png", "%C3%A9%25"), ("a\\b.png", "a%5Cb")],
)
def test_a_watermark_keeps_its_name_as_far_as_metadata_can_hold_it(name: str, called: str, tmp_path: Path) -> None:
    make_logo(tmp_path / "made.png")
    (tmp_path / "made.png").rename(tmp_path / name)
    watermark = WatermarkFile.read(tmp_path / name)
    assert watermark.name == called
    assert list(watermark.images) == [f"{called}.png"]
