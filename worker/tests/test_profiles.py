"""How hard the encoder works, by what there is of CPUs."""

from dataclasses import replace
from pathlib import Path

import av
import pytest
from av import VideoFrame
from PIL import Image

from worker.engine.encoders import choose_coding
from worker.engine.probe import probe
from worker.engine.profiles import PROFILES
from worker.local import run_local


@pytest.mark.parametrize(("cpus", "threads"), [(0.25, 1), (1.0, 1), (1.5, 2), (2.0, 2), (4.0, 4)])
def test_threads_follow_the_cpus(clip: Path, cpus: float, threads: int) -> None:
    with clip.open("rb") as file:
        assert choose_coding(probe(file), PROFILES["balanced"], cpus).threads == threads


def test_a_result_has_not_far_more_bits_than_its_source(tmp_path: Path, logo: Path) -> None:
    """Noise that was compressed until little is left of it, on which x264 would spend more than ten times as much."""
    source, output = tmp_path / "in.mp4", tmp_path / "out.mp4"
    with av.open(str(source), "w") as movie:
        video = movie.add_stream("libx264", rate=30, options={"preset": "slow", "crf": "36"})
        video.width, video.height, video.pix_fmt = 960, 540, "yuv420p"
        for _ in range(60):
            movie.mux(video.encode(VideoFrame.from_image(Image.effect_noise((960, 540), 60))))
        movie.mux(video.encode(None))
    run_local(source, output, logo, lambda *_: None)
    # 1.5 times the bits per second, and at the beginning as much as 0.9 of a buffer of half the video's length.
    assert output.stat().st_size < 1.5 * 1.45 * source.stat().st_size


@pytest.mark.parametrize(
    ("codec", "bits_per_pixel", "row"),
    [
        ("h264", 0.55, 0),
        ("h264", 0.45, 1),
        ("h264", 0.16, 1),
        ("h264", 0.14, None),
        ("hevc", 0.36, 0),
        ("hevc", 0.11, 1),
        ("hevc", 0.09, None),
        ("prores", 2.4, None),
    ],
)
def test_detail_has_settings_of_its_own(clip: Path, codec: str, bits_per_pixel: float, row: int | None) -> None:
    with clip.open("rb") as file:
        source = probe(file)
    pixels = source.picture.width * source.picture.height * source.rate
    coding = choose_coding(
        replace(source, codec=codec, bit_rate=int(bits_per_pixel * pixels)), PROFILES["balanced"], 1.0
    )
    balanced = PROFILES["balanced"]
    expected = balanced.h264 if row is None else balanced.h264_of_detail[row][1]
    assert coding.effort == expected
