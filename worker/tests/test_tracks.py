"""Tracks of sound and subtitles: each packet, name and disposition of each of them."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from av.stream import Disposition

from worker.sandbox import EngineResult
from worker.tests.media import Clip, Sound, Subtitles, make_clip

Marked = Callable[..., EngineResult]

# 3GPP TS 26.245, 5.17.1.1: characters 0 to 5 in bold of 18 pixels, yellow
STYLES = struct.pack(">I4sHHHHBB4s", 22, b"styl", 1, 0, 5, 1, 1, 18, b"\xff\xff\0\xff")


@pytest.mark.input_row("Sound", "five tracks: two languages, a commentary, for the visually impaired, original",
                       "all five, with language, title, handler and disposition")  # fmt: skip
def test_dispositions_of_sound(marked: Marked, tmp_path: Path) -> None:
    sounds = (
        Sound(language="deu", title="Deutsch", handler="Ton", disposition=Disposition.default),
        Sound(language="fra", title="Français", seconds=0.2),
        Sound(language="eng", title="Director", disposition=Disposition.comment, layout="mono"),
        Sound(language="eng", disposition=Disposition.visual_impaired, rate=44100),
        Sound(language="jpn", disposition=Disposition.original, codec="ac3"),
    )
    source = make_clip(tmp_path / "source.mp4", Clip(seconds=0.4, languages=(), sounds=sounds))
    assert marked(source).notes == []


@pytest.mark.input_row("Sound", "the second track is the default one", "the second is the default one")
def test_the_second_track_is_the_default(marked: Marked, tmp_path: Path) -> None:
    sounds = (Sound(language="deu"), Sound(language="fra", disposition=Disposition.default))
    source = make_clip(tmp_path / "source.mp4", Clip(seconds=0.2, languages=(), sounds=sounds))
    assert marked(source).notes == []


PLAIN = ((0, 300, "Hallo", b""), (300, 600, "Welt, größer", b""), (600, 1000, "Ende\n♪", b""))
SUBTITLES = {
    "subtitles without a gap": (Subtitles(PLAIN),),
    "subtitles with gaps": (Subtitles(((100, 300, "eins", b""), (500, 700, "zwei", b""), (900, 1200, "drei", b""))),),
    "subtitles with empty samples": (
        Subtitles(((0, 100, "", b""), (100, 300, "eins", b""), (300, 400, "", b""), (400, 900, "zwei", b""))),
    ),
    "subtitles with styles": (Subtitles(((0, 400, "bunt, nicht bunt", STYLES), (400, 900, "schlicht", b""))),),
    "subtitles that outlast the picture": (Subtitles(((0, 400, "eins", b""), (1500, 2500, "zwei", b""))),),
    "three subtitle tracks: default, forced, for the hard of hearing": (
        Subtitles(PLAIN, "deu", "Deutsch", Disposition.default),
        Subtitles(PLAIN[:1], "deu", "Schilder", Disposition.forced),
        Subtitles(PLAIN[1:], "eng", "SDH", Disposition.hearing_impaired),
    ),
}


@pytest.mark.parametrize("subtitles", [
    pytest.param(subtitles, id=name, marks=pytest.mark.input_row("Subtitles", name, "the same samples"))
    for name, subtitles in SUBTITLES.items()
])  # fmt: skip
def test_subtitles(marked: Marked, tmp_path: Path, subtitles: tuple[Subtitles, ...]) -> None:
    assert marked(make_clip(tmp_path / "source.mp4", Clip(seconds=1, subtitles=subtitles))).notes == []
