"""How many frames an HEVC stream makes its decoder hold, read from what x265 writes."""

from pathlib import Path

import av
import pytest

from worker.engine.hevc import MOST_FRAMES, frames_held
from worker.tests.media import Clip, make_clip


def record_of(folder: Path, parameters: str) -> bytes:
    clip = Clip(seconds=0.2, languages=(), codec="libx265", options={"x265-params": parameters})
    with av.open(str(make_clip(folder / "source.mp4", clip))) as movie:
        record = movie.streams.video[0].codec_context.extradata
    assert record is not None
    return record


@pytest.mark.parametrize(
    ("parameters", "frames"),
    [
        ("ref=1:bframes=0", 3),  # of x265's making: two more than it refers to
        ("ref=8:bframes=4", 9),
        ("ref=4:bframes=4:temporal-layers=3", 5),
        ("ref=16:bframes=0:allow-non-conformance=1", 16),
    ],
)
def test_the_frames_are_those_that_the_stream_was_coded_for(tmp_path: Path, parameters: str, frames: int) -> None:
    assert frames_held(record_of(tmp_path, parameters)) == frames


def test_where_nothing_can_be_read_it_is_as_many_as_there_can_be(tmp_path: Path) -> None:
    record = record_of(tmp_path, "ref=1:bframes=0")
    assert frames_held(b"") == MOST_FRAMES
    assert frames_held(record[:22] + b"\0") == MOST_FRAMES  # parameter sets between the pictures only
    assert frames_held(record[:40]) == MOST_FRAMES
