"""What an HDR video says of itself besides its colour tags, and which kinds of it are understood."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

# Base layers of Dolby Vision that are videos of their own, by bl_signal_compatibility_id of ETSI TS 103 572.
_DOLBY_BASES = {1: "HDR10", 2: "SDR", 4: "HLG", 6: "HDR10"}


@dataclass(frozen=True)
class Mastering:
    """The display that a picture was graded on: SMPTE ST 2086.

    Attributes:
        points: Chromaticities x, y of red, green, blue and white.
        luminance: Darkest and brightest, in cd/m².
    """

    points: tuple[tuple[Fraction, Fraction], ...]
    luminance: tuple[Fraction, Fraction]

    @classmethod
    def from_side_data(cls, data: bytes) -> Self | None:
        """Read FFmpeg's AVMasteringDisplayMetadata: ten rationals and two flags; None if it lacks either part."""
        *numbers, has_primaries, has_luminance = struct.unpack_from("=22i", data)
        if not has_primaries or not has_luminance or 0 in numbers[1::2]:
            return None
        values = [Fraction(*numbers[index : index + 2]) for index in range(0, 20, 2)]
        points = tuple((values[index], values[index + 1]) for index in range(0, 8, 2))
        return cls(points, (values[8], values[9]))

    def in_units(self) -> str:
        """Return it as x265 takes it and HEVC codes it: in 0.00002 and 0.0001 cd/m²."""
        return self._formatted(lambda point: str(round(point * 50_000)), lambda light: str(round(light * 10_000)))

    def in_decimals(self) -> str:
        """Return it as SVT-AV1 takes it."""
        return self._formatted(lambda point: f"{float(point):.5f}", lambda light: f"{float(light):.4f}")

    def box(self) -> bytes:
        """Return the box MasteringDisplayColourVolumeBox (ISO/IEC 14496-12): as HEVC codes it, green first."""
        red, green, blue, white = ([_up_to(16, value * 50_000) for value in point] for point in self.points)
        darkest, brightest = (_up_to(32, value * 10_000) for value in self.luminance)
        return struct.pack(">I4s8H2I", 32, b"mdcv", *green, *blue, *red, *white, brightest, darkest)

    def _formatted(self, point: Callable[[Fraction], str], light: Callable[[Fraction], str]) -> str:
        red, green, blue, white = (f"({point(x)},{point(y)})" for x, y in self.points)
        darkest, brightest = (light(value) for value in self.luminance)
        return f"G{green}B{blue}R{red}WP{white}L({brightest},{darkest})"


@dataclass(frozen=True)
class LightLevel:
    """The light of the content itself: CTA-861.3.

    Attributes:
        brightest: cd/m² of the brightest pixel.
        average: cd/m² of the frame that is brightest on average.
    """

    brightest: int
    average: int

    @classmethod
    def from_side_data(cls, data: bytes) -> Self:
        """Read FFmpeg's AVContentLightMetadata."""
        return cls(*struct.unpack_from("=2I", data))

    def __str__(self) -> str:
        return f"{self.brightest},{self.average}"

    def box(self) -> bytes:
        """Return the box ContentLightLevelBox (ISO/IEC 14496-12)."""
        return struct.pack(">I4s2H", 12, b"clli", _up_to(16, self.brightest), _up_to(16, self.average))


def _up_to(bits: int, value: Fraction | int) -> int:
    """Return the nearest whole number that so many bits hold."""
    return min(max(0, round(value)), (1 << bits) - 1)


def dolby_base(configuration: bytes) -> str | None:
    """Return the kind of a Dolby Vision video's base layer, None if that is no picture without the enhancement.

    Args:
        configuration: FFmpeg's AVDOVIDecoderConfigurationRecord: one byte for each field.
    """
    return _DOLBY_BASES.get(configuration[7])
