"""Levels: what a stream may ask of a decoder, and therefore how long a buffer its encoder may count on.

Rec. ITU-T H.264, table A-1 (with the factor 1.25 of High); Rec. ITU-T H.265, tables A.8 and A.9. An encoder writes the
lowest level that holds all that it was told; many a decoder in a telephone or a television ends at 4.1, 5.1 or 5.2.
"""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Level:
    """One level, of one tier.

    Attributes:
        number: As in 4.1.
        picture: The most pixels of a picture.
        speed: The most pixels per second.
        rate: The most bits per second.
        buffer: The most bits in a decoder's buffer.
    """

    number: float
    picture: int
    speed: int
    rate: int
    buffer: int


def _h264(number: float, macroblocks_per_second: int, macroblocks: int, rate: int, buffer: int) -> Level:
    return Level(number, macroblocks * 256, macroblocks_per_second * 256, rate * 1250, buffer * 1250)


def _hevc(number: float, picture: int, speed: int, rate: int) -> Level:
    return Level(number, picture, speed, rate * 1000, rate * 1000)


_LEVELS = {
    "h264": (
        _h264(2.1, 19_800, 792, 4_000, 4_000),
        _h264(3.0, 40_500, 1_620, 10_000, 10_000),
        _h264(3.1, 108_000, 3_600, 14_000, 14_000),
        _h264(3.2, 216_000, 5_120, 20_000, 20_000),
        _h264(4.0, 245_760, 8_192, 20_000, 25_000),
        _h264(4.1, 245_760, 8_192, 50_000, 62_500),
        _h264(4.2, 522_240, 8_704, 50_000, 62_500),
        _h264(5.0, 589_824, 22_080, 135_000, 135_000),
        _h264(5.1, 983_040, 36_864, 240_000, 240_000),
        _h264(5.2, 2_073_600, 36_864, 240_000, 240_000),
        _h264(6.0, 4_177_920, 139_264, 240_000, 240_000),
        _h264(6.1, 8_355_840, 139_264, 480_000, 480_000),
        _h264(6.2, 16_711_680, 139_264, 800_000, 800_000),
    ),
    # Main tier, and after it from level 4 on the High tier of the same level.
    "hevc": (
        _hevc(3.0, 552_960, 16_588_800, 6_000),
        _hevc(3.1, 983_040, 33_177_600, 10_000),
        _hevc(4.0, 2_228_224, 66_846_720, 12_000),
        _hevc(4.0, 2_228_224, 66_846_720, 30_000),
        _hevc(4.1, 2_228_224, 133_693_440, 20_000),
        _hevc(4.1, 2_228_224, 133_693_440, 50_000),
        _hevc(5.0, 8_912_896, 267_386_880, 25_000),
        _hevc(5.0, 8_912_896, 267_386_880, 100_000),
        _hevc(5.1, 8_912_896, 534_773_760, 40_000),
        _hevc(5.1, 8_912_896, 534_773_760, 160_000),
        _hevc(5.2, 8_912_896, 1_069_547_520, 60_000),
        _hevc(5.2, 8_912_896, 1_069_547_520, 240_000),
        _hevc(6.0, 35_651_584, 1_069_547_520, 240_000),
        _hevc(6.1, 35_651_584, 2_139_095_040, 480_000),
        _hevc(6.2, 35_651_584, 4_278_190_080, 800_000),
    ),
}


def level_for(codec: str, width: int, height: int, rate: Fraction, bit_rate: int) -> Level:
    """Return the lowest level that is enough, or the highest there is.

    Args:
        codec: h264 or hevc.
        width, height: Pixels.
        rate: Pictures per second.
        bit_rate: Bits per second.
    """
    # Sides count in blocks, and none may be longer than the root of eight times the largest picture (A.3.1, A.4.1).
    pixels = -(-width // 16) * -(-height // 16) * 256 if codec == "h264" else width * height
    for level in _LEVELS[codec]:
        fits = pixels <= level.picture and max(width, height) ** 2 <= 8 * level.picture
        if fits and pixels * rate <= level.speed and bit_rate <= level.rate:
            return level
    return _LEVELS[codec][-1]
