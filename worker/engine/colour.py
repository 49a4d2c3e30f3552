"""From the RGB of a watermark image to the Y'CbCr of a video: which matrix, which range, and the arithmetic.

Codes are those of ITU-T H.273, which H.264, HEVC and FFmpeg share.
"""

from dataclasses import dataclass

from PIL import Image

UNSPECIFIED = 2
FULL_RANGE = 2  # FFmpeg's AVCOL_RANGE_JPEG
TRANSFER_PQ = 16
TRANSFER_HLG = 18
MATRIX_RGB = 0
UNCOMMON_MATRICES = {8: "YCgCo", 11: "Y'D'zD'x", 14: "ICtCp", 15: "IPT-C2", 16: "YCgCo-Re", 17: "YCgCo-Ro"}

# Kr and Kb of H.273 table 4.
LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601 625 lines
    6: (0.299, 0.114),  # BT.601 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
    10: (0.2627, 0.0593),  # BT.2020 with constant luminance, which nothing is known to write; nearly the same
}
_BT709, _BT601, _BT2020 = 1, 6, 9

# Chromaticities of red, green and blue of H.273 table 2, where they reach noticeably beyond sRGB's; white is D65.
WIDE_PRIMARIES = {
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),  # BT.2020
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # Display P3
}


@dataclass(frozen=True)
class Colour:
    """A video's colour tags as they are in the file; UNSPECIFIED (2; 0 for the range) where it has none."""

    matrix: int = UNSPECIFIED
    range: int = 0
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED

    @property
    def is_hdr(self) -> bool:
        return self.transfer in (TRANSFER_PQ, TRANSFER_HLG)

    @property
    def is_wide(self) -> bool:
        """Whether its primaries are noticeably others than those of sRGB."""
        return self.primaries in WIDE_PRIMARIES

    def matrix_for(self, height: int) -> int:
        """Return the matrix in force: untagged HDR has BT.2020, other untagged pictures BT.709 from 720 lines on."""
        if self.matrix in LUMA_WEIGHTS:
            return self.matrix
        if self.is_hdr:
            return _BT2020
        return _BT709 if height >= 720 else _BT601


def rgba_to_yuva(image: Image.Image, matrix: int, full_range: bool) -> Image.Image:
    """Return an image of mode RGBA whose bands are Y', Cb, Cr (8 bits) and the alpha of `image`.

    Args:
        image: Mode RGBA, alpha not premultiplied.
        matrix: H.273 matrix coefficients, one that `Colour.matrix_for` returns.
        full_range: Y' from 0 to 255 instead of 16 to 235.
    """
    red, blue = LUMA_WEIGHTS[matrix]
    green = 1 - red - blue
    luma, chroma, black = (1.0, 1.0, 0.0) if full_range else (219 / 255, 224 / 255, 16.0)
    to_cb, to_cr = chroma / (2 * (1 - blue)), chroma / (2 * (1 - red))
    coefficients = (
        luma * red, luma * green, luma * blue, black,
        -red * to_cb, -green * to_cb, (1 - blue) * to_cb, 128.0,
        (1 - red) * to_cr, -green * to_cr, -blue * to_cr, 128.0,
    )  # fmt: skip
    colours = Image.merge("RGB", image.split()[:3]).convert("RGB", coefficients)
    return Image.merge("RGBA", (*colours.split(), image.getchannel("A")))
