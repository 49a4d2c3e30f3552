"""What a file says about itself: titles, places, times, chapters, timecodes, cover pictures."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from worker.sandbox import EngineResult
from worker.tests.boxes import Box, edit_moov, integers, parse
from worker.tests.media import Clip, Sound, make_clip
from worker.tests.same_video import look_at

Marked = Callable[..., EngineResult]

TAGS = {
    "title, artist, comment: Ünïcödé, 日本語, 🎬": Clip(
        metadata={"title": "Ünïcödé 🎬", "artist": "日本語", "comment": "a 'b' \"c\" %{} \\ ; : =", "genre": "Тест"}
    ),
    "all tags of iTunes, in an MP4": Clip(metadata={
        "album": "A", "album_artist": "B", "composer": "C", "date": "2024-05-06", "copyright": "© D", "grouping": "E",
        "lyrics": "F\nG", "description": "H", "synopsis": "I", "show": "J", "episode_id": "K", "network": "L",
        "keywords": "M", "track": "3/9", "disc": "1/2",
    }),
    "where it was filmed (©xyz)": Clip(metadata={"location": "+48.2082+016.3738/"}),
    "when it was filmed, to the second": Clip(metadata={"creation_time": "1999-12-31T23:59:59.000000Z"}),
    "a MOV of an iPhone, with keys of its own": Clip(format="mov", movflags="+use_metadata_tags", metadata={
        "com.apple.quicktime.make": "Äpple", "com.apple.quicktime.model": "Phone 1",
        "com.apple.quicktime.location.ISO6709": "+48.2082+016.3738+190.000/",
        "com.apple.quicktime.creationdate": "2024-05-06T09:08:09+0200",
    }),
    "tags that nobody has heard of, and a title": Clip(
        movflags="+use_metadata_tags", metadata={"com.example.own": "x", "title": "T"}
    ),
    "chapters with names, not from the start on": Clip(chapters=((100, 333, "Eins"), (333, 700, "Zwei „2“"))),
    "chapters without names": Clip(chapters=((0, 500, ""), (500, 1000, ""))),
    "a timecode of 25 frames a second": Clip(timecode="01:02:03:04"),
    "a drop-frame timecode of 30000/1001": Clip(
        timecode="09:59:59;28", times=tuple(range(0, 30030, 1001)), time_base=Fraction(1, 30000)
    ),
    "a timecode in a MOV": Clip(timecode="23:59:59:24", format="mov"),
    "a cover picture, JPEG": Clip(cover="mjpeg"),
    "a cover picture, PNG": Clip(cover="png"),
}  # fmt: skip


@pytest.mark.input_row("Names and tags", "a MOV with keys of its own and the time of creation", "the same, said once")
def test_the_time_of_creation_beside_keys_of_its_own(marked: Marked, tmp_path: Path) -> None:
    keys = {"com.apple.quicktime.make": "Äpple"}
    clip = Clip(format="mov", movflags="+use_metadata_tags", metadata=keys, sounds=(Sound("pcm_s16le"),))
    filmed = 2_082_844_800 + 1_714_979_289  # from 1904 on

    def film(moov: Box) -> None:
        header = moov.one("mvhd")
        header.payload = header.payload[:4] + filmed.to_bytes(4) + header.payload[8:]

    source = edit_moov(make_clip(tmp_path / "source.mov", clip), film)
    assert look_at(source).tags == {**keys, "creation_time": "2024-05-06T07:08:09.000000Z"}
    marked(source, coded_anew={2})
    headers = [box for box in parse((tmp_path / "output.mp4").read_bytes())[1].walk() if box.kind in ("tkhd", "mdhd")]
    assert len(headers) == 6
    assert {integers(box.payload, start=4)[0] for box in headers} == {filmed}


@pytest.mark.parametrize("filmed", ["1800-01-01T00:00:00.000000Z", "2100-01-01T00:00:00.000000Z"])
def test_a_time_of_creation_that_no_header_can_hold_is_left_out(
    engine_in_process: Callable[..., tuple[Path, Path, EngineResult]], tmp_path: Path, filmed: str
) -> None:
    keys = {"com.example.own": "x"}
    clip = Clip(movflags="+use_metadata_tags", seconds=0.2, metadata={**keys, "creation_time": filmed})

    def forget(moov: Box) -> None:
        header = moov.one("mvhd")
        header.payload = header.payload[:4] + bytes(4) + header.payload[8:]

    source = edit_moov(make_clip(tmp_path / "source.mp4", clip), forget)
    assert look_at(source).tags == clip.metadata
    _, output, _ = engine_in_process(source)
    assert look_at(output).tags == keys


@pytest.mark.parametrize("clip", [
    pytest.param(clip, id=name, marks=pytest.mark.input_row("Names and tags", name, "the same"))
    for name, clip in TAGS.items()
])  # fmt: skip
def test_tags(marked: Marked, tmp_path: Path, clip: Clip) -> None:
    source = make_clip(tmp_path / "source", clip)
    before = look_at(source)
    wanted = {**clip.metadata}
    assert wanted.items() <= before.tags.items()  # or the test would prove nothing
    assert len(before.chapters) == len(clip.chapters)
    assert before.timecodes == ([clip.timecode] * len(before.timecodes) if clip.timecode else [])
    assert marked(source).notes == []
