"""What is not the picture is untouched: sound, timing, names, chapters."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import pytest

from worker.sandbox import EngineResult
from worker.tests.media import Clip, look_at

Engine = Callable[..., tuple[Path, Path, EngineResult]]

CLIPS = {
    "two languages, chapters and names": Clip(
        languages=("deu", "fra"),
        chapters=((0, 333, "Anfang"), (333, 1000, "Fin")),
        metadata={"title": "Ein Titel", "comment": "é+%2B", "creation_time": "2024-05-06T07:08:09.000000Z"},
    ),
    "variable frame rate": Clip(
        times=(0, 3003, 3500, 9009, 12012, 30030, 30031, 45000), time_base=Fraction(1, 90000), languages=("und",)
    ),
    "video starts late": Clip(times=tuple(range(19200, 32000, 512))),
    "sound starts late": Clip(audio_delay=Fraction(1478, 4000)),
    "no B-frames, no sound": Clip(b_frames=0, languages=()),
    "NTSC": Clip(times=tuple(range(0, 30030, 1001)), time_base=Fraction(1, 30000)),
    "slow clock": Clip(times=tuple(range(0, 600, 20)), time_base=Fraction(1, 600)),
    "HEVC": Clip(codec="libx265"),
    "fragmented": Clip(movflags="+frag_keyframe+empty_moov+default_base_moof", seconds=1.5),
    "timecode": Clip(timecode="01:02:03:04"),
    "cover picture": Clip(cover=True),
    "phone": Clip(rotation=90, metadata={"com.apple.quicktime.make": "Acme"}),
}


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS.keys())
def test_everything_but_the_picture_is_the_same(engine: Engine, clip: Clip) -> None:
    source, output, result = engine(clip)
    before, after = look_at(source), look_at(output)
    assert after.times == before.times
    assert after.packets == before.packets
    assert after.streams == before.streams
    assert after.chapters == before.chapters
    assert after.metadata == before.metadata
    # Two ticks of the movie's clock; mp4 cannot say how long the last of reordered frames of varying distance stays.
    assert abs(after.duration - before.duration) <= (
        2000 if clip.times != CLIPS["variable frame rate"].times else 170_000
    )
    assert result.frames == len(before.times)
    assert result.notes == []


def test_the_index_is_in_front_and_the_codec_is_what_every_player_has(engine: Engine) -> None:
    _, output, _ = engine(Clip(seconds=0.2))
    content = output.read_bytes()
    assert 0 < content.find(b"moov") < content.find(b"mdat")
    with av.open(str(output)) as movie:
        video = movie.streams.video[0]
        assert (video.codec_context.name, video.profile, video.pix_fmt) == ("h264", "High", "yuv420p")


def test_the_timecode_is_kept(engine: Engine) -> None:
    _, output, _ = engine(CLIPS["timecode"])
    with av.open(str(output)) as movie:
        assert [stream.metadata.get("timecode") for stream in movie.streams if stream.type == "data"] == ["01:02:03:04"]


def test_a_file_does_not_grow_beyond_reason(engine: Engine) -> None:
    source, output, _ = engine(Clip(1280, 720, grey=None, seconds=1, languages=(), options={"crf": "30"}))
    assert output.stat().st_size <= max(1.5 * source.stat().st_size, 150_000)
