"""Chromium plays what was put together: every frame, without an error. Runs where Chromium is installed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from worker.sandbox import EngineResult
from worker.tests.chromium import CHROMIUM, play
from worker.tests.test_smart import CLIPS, MARK

Engine = Callable[..., tuple[Path, Path, EngineResult]]


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("name", ["two B-frames", "Baseline", "HRD parameters and delimiters"])
def test_chromium_plays_all_frames(engine_in_process: Engine, tmp_path: Path, name: str) -> None:
    _, output, result = engine_in_process(CLIPS[name], start=0.7, end=0.8, **MARK)
    assert result.render["mode"] == "smart"
    told = play(output, tmp_path / "browser")
    assert told["error"] is None
    assert told["ended"]
    assert (told["frames"], told["corrupted"]) == (40, 0)
    assert told["duration"] == pytest.approx(1.6)
