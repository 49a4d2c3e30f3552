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

# Kr and Kb of H.273 table 4.
_LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601 625 lines
    6: (0.299, 0.114),  # BT.601 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
}
_BT709, _BT601 = 1, 6


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

    def matrix_for(self, height: int) -> int:
        """Return the matrix in force: an untagged picture has BT.709 from 720 lines on, else BT.601."""
        if self.matrix in _LUMA_WEIGHTS:
            return self.matrix
        return _BT709 if height >= 720 else _BT601


def rgba_to_yuva(image: Image.Image, matrix: int, full_range: bool) -> Image.Image:
    """Return an image of mode RGBA whose bands are Y', Cb, Cr (8 bits) and the alpha of `image`.

    Args:
        image: Mode RGBA, alpha not premultiplied.
        matrix: H.273 matrix coefficients, one that `Colour.matrix_for` returns.
        full_range: Y' from 0 to 255 instead of 16 to 235.
    """
    red, blue = _LUMA_WEIGHTS[matrix]
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
