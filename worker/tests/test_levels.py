"""What a result asks of a decoder: no more than its size and its bits do, and nothing that its encoder refuses."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from worker.engine.encoders import Coding, choose_coding, encoder_options
from worker.engine.geometry import Orientation, Picture
from worker.engine.probe import Probe, probe
from worker.engine.profiles import PROFILES
from worker.engine.smart.h264 import SPS, from_annex_b, parse_sps

PHONE, PRORES = 17_000_000, 147_000_000


@pytest.fixture
def source(clip: Path) -> Probe:
    with clip.open("rb") as file:
        return replace(probe(file), duration=60.0)


def sized(source: Probe, width: int, height: int, rate: int, bit_rate: int, depth: int = 8) -> Probe:
    picture = Picture(width, height, Fraction(1), Orientation())
    return replace(source, picture=picture, rate=Fraction(rate), bit_rate=bit_rate, depth=depth)


def opened(source: Probe, profile: str) -> tuple[Coding, VideoCodecContext]:
    """An encoder, ready for its first frame."""
    coding = choose_coding(source, PROFILES[profile], 1.0)
    context = av.CodecContext.create(coding.encoder, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = source.picture.width, source.picture.height
    context.pix_fmt, context.framerate, context.time_base = coding.pixel_format, source.rate, 1 / source.rate
    context.flags |= Flags.global_header
    context.options = encoder_options(source, coding)
    context.open()
    return coding, context


@pytest.mark.parametrize("profile", ["fast", "balanced", "best"])
@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize(
    ("width", "height", "rate", "bit_rate"),
    [
        (1920, 1080, 30, 0),
        (1920, 1080, 30, 35_000_000),
        (1920, 1080, 30, PRORES),
        (1920, 1080, 30, 2_000_000_000),
        (1920, 1080, 120, 0),
        (1920, 1080, 120, 50_000_000),
        (2560, 1440, 30, 0),
        (3840, 2160, 60, 100_000_000),
        (2160, 3840, 30, 0),
        (320, 180, 30, 100_000_000),
    ],
)
def test_an_encoder_takes_what_it_is_told(
    source: Probe, profile: str, depth: int, width: int, height: int, rate: int, bit_rate: int
) -> None:
    coding, context = opened(sized(source, width, height, rate, bit_rate, depth), profile)
    assert coding.codec == ("hevc" if depth == 10 else "h264")
    assert context.is_open


@pytest.mark.parametrize(
    ("bit_rate", "level"), [(1_000_000, 40), (4_000_000, 40), (PHONE, 41), (40_000_000, 41), (50_000_000, 50)]
)
def test_the_buffer_raises_no_level(source: Probe, bit_rate: int, level: int) -> None:
    _, context = opened(sized(source, 1920, 1080, 30, bit_rate), "balanced")
    assert context.extradata
    [sps] = [unit for unit in from_annex_b(context.extradata) if unit[0] & 31 == SPS]
    assert parse_sps(sps).level == level


@pytest.mark.parametrize("profile", list(PROFILES))
@pytest.mark.parametrize("depth", [8, 10])
def test_the_rate_is_half_as_much_again_at_most(source: Probe, profile: str, depth: int) -> None:
    phone = sized(source, 1920, 1080, 30, PHONE, depth)
    options = encoder_options(phone, choose_coding(phone, PROFILES[profile], 1.0))
    assert PHONE < int(options["maxrate"]) <= 1.5 * PHONE
    assert int(options["bufsize"]) <= 10 * int(options["maxrate"])
