"""The demo's picture of one frame before and after."""

from pathlib import Path

import pytest
from PIL import Image

from scripts.demo import compare
from worker.tests.media import Clip, make_clip


@pytest.mark.parametrize("frames", [1, 2, 3, 25])
def test_every_length_has_a_frame_to_show(frames: int, tmp_path: Path) -> None:
    video = make_clip(tmp_path / "short.mp4", Clip(seconds=frames / 25, languages=(), b_frames=2))
    compare(video, video, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 2 * 320
