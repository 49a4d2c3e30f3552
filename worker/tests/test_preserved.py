"""What is not the picture is untouched: sound, timing, names, chapters."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from worker.sandbox import EngineResult
from worker.tests.media import Clip, make_clip

Engine = Callable[..., tuple[Path, Path, EngineResult]]
Marked = Callable[..., EngineResult]


def _row(area: str, given: str, outcome: str, clip: Clip) -> Any:
    return pytest.param(clip, id=given, marks=pytest.mark.input_row(area, given, outcome))


CLIPS = [
    _row("Names and tags", "two languages, chapters, a title", "all of them", Clip(
        languages=("deu", "fra"),
        chapters=((0, 333, "Anfang"), (333, 1000, "Fin")),
        metadata={"title": "Ein Titel", "comment": "é+%2B", "creation_time": "2024-05-06T07:08:09.000000Z"},
    )),
    _row("Names and tags", "a timecode", "the same timecode track", Clip(timecode="01:02:03:04")),
    _row("Names and tags", "a cover picture", "the same JPEG as a cover picture", Clip(cover="mjpeg")),
    _row("Picture", "filmed upright, with a QuickTime tag of the maker", "displayed upright, with the tag",
         Clip(640, 360, rotation=90, seconds=0.4, metadata={"com.apple.quicktime.make": "Acme"})),
    _row("Time", "variable frame rate", "each frame at its own time", Clip(
        times=(0, 3003, 3500, 9009, 12012, 30030, 30031, 45000), time_base=Fraction(1, 90000), languages=("und",)
    )),
    _row("Time", "video starts 1.5 s late", "1.5 s late", Clip(times=tuple(range(19200, 32000, 512)))),
    _row("Time", "sound starts late", "late by the same samples", Clip(audio_delay=Fraction(1478, 4000))),
    _row("Time", "no B-frames, no sound", "neither", Clip(b_frames=0, languages=())),
    _row("Time", "NTSC, 30000/1001 frames a second", "the same times",
         Clip(times=tuple(range(0, 30030, 1001)), time_base=Fraction(1, 30000))),
    _row("Time", "a clock of 600 ticks a second", "the same times",
         Clip(times=tuple(range(0, 600, 20)), time_base=Fraction(1, 600))),
    _row("Container", "fragmented (moof)", "one piece, the same times",
         Clip(movflags="+frag_keyframe+empty_moov+default_base_moof", seconds=1.5)),
    _row("Codecs", "HEVC, 8 bits", "H.264 High", Clip(codec="libx265", grey=None)),
    _row("Codecs", "H.264", "H.264 High", Clip(grey=None)),
]  # fmt: skip


@pytest.mark.parametrize("clip", CLIPS)
def test_everything_but_the_picture_is_the_same(marked: Marked, tmp_path: Path, clip: Clip) -> None:
    result = marked(make_clip(tmp_path / "source.mp4", clip))
    assert result.notes == []


def test_the_index_is_in_front_and_the_codec_is_what_every_player_has(engine: Engine) -> None:
    _, output, _ = engine(Clip(seconds=0.2))
    content = output.read_bytes()
    assert 0 < content.find(b"moov") < content.find(b"mdat")
    with av.open(str(output)) as movie:
        video = movie.streams.video[0]
        assert (video.codec_context.name, video.profile, video.pix_fmt) == ("h264", "High", "yuv420p")


def test_a_file_does_not_grow_beyond_reason(engine: Engine) -> None:
    source, output, _ = engine(Clip(1280, 720, grey=None, seconds=1, languages=(), options={"crf": "30"}))
    assert output.stat().st_size <= max(1.5 * source.stat().st_size, 150_000)
