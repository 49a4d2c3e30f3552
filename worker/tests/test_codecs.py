"""What a picture is coded as does not matter: each of its frames comes back, in what players show."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from worker.engine.encoders import MAX_GROWTH
from worker.sandbox import EngineResult
from worker.tests.media import Clip, frames_of, make_clip
from worker.tests.same_video import main_video

Marked = Callable[..., EngineResult]

H264, HEVC, AV1 = ("h264", "High", "yuv420p"), ("hevc", "Main 10", "yuv420p10le"), ("av1", "Main", "yuv420p")
H264_FULL = ("h264", "High", "yuvj420p")
AV1_10 = ("av1", "Main", "yuv420p10le")
NAMES = {
    H264: "H.264 High",
    H264_FULL: "H.264 High, full range",
    HEVC: "HEVC Main 10",
    AV1: "AV1",
    AV1_10: "AV1, 10 bits",
}
CHANGED = "The picture was coded as {} and is now {}-bit 4:2:0, which players show."


def coded_as(path: Path) -> tuple[str, str | None, str | None]:
    with av.open(str(path)) as movie:
        context = main_video(movie).codec_context
        assert context.codec_tag in ("avc1", "hvc1", "av01")  # the forms that Apple's players take
        return context.codec.canonical_name, context.profile, context.pix_fmt


def _row(given: str, becomes: tuple[str, str, str], clip: Clip, *notes: str, container: str = "mp4") -> Any:
    return pytest.param(
        replace(clip, format=container),
        becomes,
        notes,
        id=given,
        marks=pytest.mark.input_row("Codecs", given, NAMES[becomes]),
    )


def _clip(codec: str, pixel_format: str = "yuv420p", options: dict[str, str] | None = None) -> Clip:
    return Clip(
        codec=codec, pixel_format=pixel_format, grey=None, seconds=0.6, languages=("eng",), options=options or {}
    )


ROWS = [
    _row("HEVC, 10 bits", HEVC, _clip("libx265", "yuv420p10le")),
    _row("HEVC, 12 bits, 4:2:2", HEVC, _clip("libx265", "yuv422p12le"), CHANGED.format("yuv422p12le", 10)),
    _row("H.264 High 10", HEVC, _clip("libx264", "yuv420p10le")),
    _row("H.264 High 4:2:2, 10 bits", HEVC, _clip("libx264", "yuv422p10le"), CHANGED.format("yuv422p10le", 10)),
    _row("H.264, 4:4:4", H264, _clip("libx264", "yuv444p"), CHANGED.format("yuv444p", 8)),
    _row("HEVC in grey", H264, _clip("libx265", "gray"), CHANGED.format("gray", 8)),
    _row("HEVC in grey, 10 bits", HEVC, _clip("libx265", "gray10le"), CHANGED.format("gray10le", 10)),
    _row("AV1", H264, _clip("libsvtav1")),
    _row("AV1, 10 bits", HEVC, _clip("libsvtav1", "yuv420p10le")),
    _row("VP9", H264, _clip("libvpx-vp9")),
    _row("MPEG-4 part 2", H264, _clip("mpeg4")),
    _row("MPEG-2", H264, replace(_clip("mpeg2video"), time_base=Fraction(1, 25))),
    _row("Motion JPEG", H264_FULL, _clip("mjpeg", "yuvj422p"), CHANGED.format("yuvj422p", 8), container="mov"),
    _row("ProRes 422", HEVC, _clip("prores_ks", "yuv422p10le"), CHANGED.format("yuv422p10le", 10), container="mov"),
    _row("ProRes 4444 with transparency", HEVC, _clip("prores_ks", "yuva444p10le", {"profile": "4"}),
         CHANGED.format("yuva444p12le", 10), "The transparency of the picture was left out.", container="mov"),
    _row("DNxHR", H264, _clip("dnxhd", "yuv422p", {"profile": "dnxhr_hq"}), CHANGED.format("yuv422p", 8),
         container="mov"),
]  # fmt: skip


@pytest.mark.parametrize(("clip", "becomes", "notes"), ROWS)
def test_each_codec(
    marked: Marked, tmp_path: Path, clip: Clip, becomes: tuple[str, str, str], notes: tuple[str, ...]
) -> None:
    result = marked(make_clip(tmp_path / "source.mov", clip), outside=0.95)
    assert coded_as(tmp_path / "output.mp4")[0] == becomes[0] == result.codec
    assert coded_as(tmp_path / "output.mp4") == becomes
    assert tuple(result.notes) == notes


@pytest.mark.parametrize(
    ("clip", "becomes"),
    [
        pytest.param(_clip("libx264"), AV1, marks=pytest.mark.input_row("Codecs", "H.264, profile av1", "AV1")),
        pytest.param(
            _clip("libx265", "yuv420p10le"),
            AV1_10,
            marks=pytest.mark.input_row("Codecs", "HEVC, 10 bits, profile av1", "AV1, 10 bits"),
        ),
    ],
    ids=["8", "10"],
)
def test_av1_where_it_is_asked_for(marked: Marked, tmp_path: Path, clip: Clip, becomes: tuple[str, str, str]) -> None:
    result = marked(make_clip(tmp_path / "source.mp4", clip), profile="av1", outside=0.93)
    assert coded_as(tmp_path / "output.mp4") == becomes
    assert result.notes == []


def test_av1_of_a_source_with_more_bits_than_its_encoder_takes_as_a_cap(
    engine_in_process: Callable[..., tuple[Path, Path, EngineResult]],
) -> None:
    """83 Mbit/s, of which half as much again would be allowed; what cameras and editing programs write has more."""
    clip = Clip(
        1600, 900, rate=200, seconds=0.06, grey=None, languages=(),
        codec="mjpeg", pixel_format="yuvj420p", options={"qmin": "1"},
    )  # fmt: skip
    source, output, result = engine_in_process(clip, profile="av1")
    assert source.stat().st_size * 8 / clip.seconds * MAX_GROWTH > 100_000_000
    assert (result.codec, len(frames_of(output))) == ("av1", 12)


@pytest.mark.parametrize("profile", ["fast", "best"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_the_other_profiles(marked: Marked, tmp_path: Path, profile: str, codec: str) -> None:
    clip = _clip("libx264") if codec == "h264" else _clip("libx265", "yuv420p10le")
    result = marked(make_clip(tmp_path / "source.mp4", clip), profile=profile, outside=0.95)
    assert result.codec == codec
