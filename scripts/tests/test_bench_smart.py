"""What the benchmark of the smart way checks, on a clip small enough to say nothing about time."""

import re
import sys
from pathlib import Path

import pytest

from scripts import bench_smart


def test_both_ways_are_right(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["", "--seconds", "3", "--mark-seconds", "0.5", "--size", "320x180"])
    assert bench_smart.main() == 0
    rows = re.findall(
        r"^\| (smart|full) \|.*s \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|", capsys.readouterr().out, re.MULTILINE
    )
    (_, encoded, same, marked, frames), (_, all_encoded, _, all_marked, _) = rows
    assert (marked, all_marked, frames, all_encoded) == ("15", "15", "96", "96")
    assert (int(encoded), int(same) >= 32) == (64, True)


def test_a_mark_on_the_wrong_frames_is_noticed(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    bench_smart.make_long_clip(clip, (320, 180), 1)
    with pytest.raises(RuntimeError, match="frame 15 lacks the mark"):
        bench_smart.compare(clip, clip, 0.5, 0.6)
