"""10 bits and HDR: what goes in with more than 8 bits comes out with 10, and the mark has the right light in it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from av import VideoFrame

from worker.engine.hdr import LightLevel, Mastering
from worker.sandbox import EngineResult
from worker.tests.media import Clip, frames_of, make_logo
from worker.tests.same_video import look_at

Engine = Callable[..., tuple[Path, Path, EngineResult]]

SDR, HLG, PQ = (1, 1, 1, 1), (9, 1, 9, 18), (9, 1, 9, 16)
DISPLAY = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"


def deep(colour: tuple[int, int, int, int] | None = SDR, parameters: str = "", **settings: object) -> Clip:
    fields = {"seconds": 0.16, "languages": (), "codec": "libx265", "pixel_format": "yuv420p10le", "b_frames": 0}
    options = {"x265-params": parameters} if parameters else {}
    return Clip(**(fields | {"colour": colour, "options": options} | settings))  # type: ignore[arg-type]


def centre(frame: VideoFrame) -> tuple[int, ...]:
    """Return the samples of Y, Cb and Cr in the middle, 10 bits."""
    planes = [np.frombuffer(plane, np.uint16).reshape(plane.height, -1) for plane in frame.planes]
    return tuple(
        int(plane[image.height // 2, image.width // 2]) for plane, image in zip(planes, frame.planes, strict=True)
    )


def tags(frame: VideoFrame) -> tuple[int, ...]:
    return frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc


# White is what BT.2408 says. BT.709's red is 0.6274, 0.0691, 0.0164 in BT.2020 (BT.2087); the rest is BT.2100 by hand.
@pytest.mark.parametrize(
    ("colour", "rgb", "expected"),
    [
        (SDR, (255, 255, 255), (940, 512, 512)),
        (SDR, (255, 0, 0), (250, 409, 960)),
        ((1, 2, 1, 1), (255, 0, 0), (217, 395, 1023)),
        ((6, 1, 6, 6), (255, 0, 0), (326, 361, 960)),
        (None, (255, 0, 0), (326, 361, 960)),
        (PQ, (255, 255, 255), (573, 512, 512)),
        (HLG, (255, 255, 255), (721, 512, 512)),
        (PQ, (255, 0, 0), (392, 438, 608)),
        (HLG, (255, 0, 0), (392, 395, 715)),
        ((9, 2, 9, 16), (255, 255, 255), (594, 512, 512)),
    ],
    ids=["sdr-white", "sdr-red", "full-red", "601-red", "untagged-red", "pq-white", "hlg-white", "pq-red", "hlg-red",
         "pq-full-white"],
)  # fmt: skip
def test_the_colour_of_the_mark(
    engine_in_process: Engine,
    tmp_path: Path,
    colour: tuple[int, int, int, int] | None,
    rgb: tuple[int, int, int],
    expected: tuple[int, int, int],
) -> None:
    make_logo(tmp_path / "mark.png", colour=(*rgb, 255))
    source, output, result = engine_in_process(deep(colour), image="mark.png", position="center", width="50%")
    before, after = frames_of(source), frames_of(output)
    assert result.codec == "hevc"
    assert after[0].format.name == "yuv420p10le"
    assert look_at(output).times == look_at(source).times
    for frame in after:
        assert max(abs(a - b) for a, b in zip(centre(frame), expected, strict=True)) <= 12, centre(frame)
    assert tags(before[0]) == tags(after[0])


@pytest.mark.parametrize("profile", ["balanced", "av1"])
def test_what_hdr10_says_of_itself_is_kept(engine_in_process: Engine, profile: str) -> None:
    clip = deep(PQ, f"master-display={DISPLAY}:max-cll=1000,400")
    source, output, result = engine_in_process(clip, profile=profile)
    before, after = frames_of(source)[0], frames_of(output)[0]
    assert tags(before) == tags(after)
    for kind in ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"):
        assert kind in before.side_data
    read = [
        (
            Mastering.from_side_data(bytes(frame.side_data["MASTERING_DISPLAY_METADATA"])),
            LightLevel.from_side_data(bytes(frame.side_data["CONTENT_LIGHT_LEVEL"])),
        )
        for frame in (before, after)
    ]
    assert read[0][1] == read[1][1] == LightLevel(1000, 400)
    assert read[0][0] is not None
    assert read[1][0] is not None
    numbers = zip(_flat(read[0][0]), _flat(read[1][0]), strict=True)
    assert all(abs(a - b) <= max(1e-4, a * 1e-4) for a, b in numbers)
    assert result.notes == []


def _flat(mastering: Mastering) -> list[float]:
    return [float(value) for point in (*mastering.points, mastering.luminance) for value in point]
