"""Damaged files on the smart way: what is near the mark or at a group's beginning is seen, the rest is copied."""

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from worker.errors import CorruptInput
from worker.sandbox import EngineResult
from worker.tests.groups import GROUP, MARK, digests, moving
from worker.tests.media import frames_of, make_clip

Engine = Callable[..., tuple[Path, Path, EngineResult]]


def damaged(path: Path, *frames: int) -> Path:
    """Spoil the payload of these packets, from the middle on, and leave their lengths."""
    with av.open(str(path)) as movie:
        packets = [(packet.pos or 0, bytes(packet)) for packet in movie.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    for position, data in (packets[frame] for frame in frames):
        middle = len(data) // 2
        content[position + middle : position + len(data)] = bytes(byte ^ 0x5A for byte in data[middle:])
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        (2, "damaged or missing where the watermark is"),
        (1, "copied parts failed"),
        (3, "copied parts failed"),
    ],
    ids=["under the mark", "before a seam", "after a seam"],
)
def test_damage_near_the_mark_is_left_to_the_whole_way(
    engine_in_process: Engine, tmp_path: Path, group: int, reason: str
) -> None:
    source = damaged(make_clip(tmp_path / "source.mp4", moving(b_frames=0)), group * GROUP)
    _, output, result = engine_in_process(source, start=0.7, end=0.8, **MARK)
    assert result.render["mode"] == "full"
    assert reason in result.render["reason"]
    assert len(frames_of(output)) == 40


@pytest.mark.parametrize("b_frames", [0, 2])
def test_damaged_groups_far_from_the_mark_are_refused_as_on_the_whole_way(
    engine_in_process: Engine, tmp_path: Path, b_frames: int
) -> None:
    source = make_clip(tmp_path / "source.mp4", moving(b_frames=b_frames))
    damaged(source, *range(3 * GROUP, 5 * GROUP))
    with pytest.raises(CorruptInput, match=r"1\d of 40 frames cannot be decoded"):
        engine_in_process(source, end=0.1, **MARK)


@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_damaged_key_frame_far_from_the_mark_is_left_to_the_whole_way(
    engine_in_process: Engine, tmp_path: Path, b_frames: int
) -> None:
    source = damaged(make_clip(tmp_path / "source.mp4", moving(b_frames=b_frames)), 3 * GROUP)
    _, output, result = engine_in_process(source, end=0.1, **MARK)
    assert result.render["mode"] == "full"
    assert "at a group's beginning cannot be decoded" in result.render["reason"]
    assert any("of 40 frames of the source are damaged" in note for note in result.notes)
    assert len(frames_of(output)) == 40


def test_damage_within_a_far_group_is_copied_as_it_was(engine_in_process: Engine, tmp_path: Path) -> None:
    source = damaged(make_clip(tmp_path / "source.mp4", moving(b_frames=0)), 3 * GROUP + 4)
    _, output, result = engine_in_process(source, end=0.1, **MARK)
    assert result.render["mode"] == "smart"
    assert digests(frames_of(output))[GROUP:] == digests(frames_of(source))[GROUP:]


def test_a_file_that_was_cut_off_is_refused(engine_in_process: Engine, tmp_path: Path) -> None:
    source = make_clip(tmp_path / "source.mp4", moving())
    source.write_bytes(source.read_bytes()[:-2000])
    with pytest.raises(CorruptInput, match="cut off"):
        engine_in_process(source, start=0.7, end=0.8, **MARK)
