"""Samples of decoded frames as a test sees them: planes turned for display, SSIM, colours. Nothing of the engine."""

import struct
from array import array
from fractions import Fraction
from statistics import fmean

from av import VideoFrame
from PIL import Image, ImageMath

Colour = tuple[int, int, int]

# Kr and Kb of ITU-T H.273 matrix codes; untagged is BT.709 from 720 lines on, else BT.601.
_MATRICES = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
_UNTAGGED = 2
_SSIM_BLOCK = 8
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2  # Wang et al. 2004


def plane(frame: VideoFrame, index: int) -> Image.Image:
    """Return a plane as code values of 8 bits, in floating point, as coded."""
    data = frame.planes[index]
    bits = frame.format.components[index].bits
    mode = "L" if bits == 8 else "I;16"
    image = Image.frombuffer(mode, (data.width, data.height), bytes(data), "raw", mode, data.line_size, 1)
    if bits == 8:
        return image.convert("F")
    return image.convert("I").convert("F").point(lambda value: value * (1 / 2 ** (bits - 8)) + 0)


def as_viewed(image: Image.Image, frame: VideoFrame) -> Image.Image:
    """Turn and mirror samples of a frame as its display matrix says, by the formula of ISO/IEC 14496-12."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return image
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data))
    if a == 0 and d == 0:
        image = image.transpose(Image.Transpose.TRANSPOSE)
        a, d = c, b
    if a < 0:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return image.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if d < 0 else image


def matrix_of(frame: VideoFrame) -> tuple[float, float]:
    """Return Kr and Kb."""
    code = int(frame.colorspace)
    if code == _UNTAGGED:
        code = 1 if frame.height >= 720 else 6
    return _MATRICES[code]


def is_full_range(frame: VideoFrame) -> bool:
    return frame.format.name.startswith("yuvj") or int(frame.color_range) == 2


def luma_of(colour: Colour, frame: VideoFrame) -> float:
    """Return the luma code value, of 255, that a colour has in this frame."""
    red, blue = matrix_of(frame)
    luma = red * colour[0] + (1 - red - blue) * colour[1] + blue * colour[2]
    return luma if is_full_range(frame) else 16 + luma * 219 / 255


def sample_rgb(frame: VideoFrame, x: float, y: float) -> tuple[float, float, float]:
    """Return the mean colour of a few samples around a point.

    Args:
        x, y: The point as shares of the displayed picture, 0 to 1.
    """
    luma, first, second = (_sample(as_viewed(plane(frame, index), frame), x, y) for index in range(3))
    if is_full_range(frame):
        first, second = (first - 128) / 255, (second - 128) / 255
    else:
        luma, first, second = (luma - 16) * 255 / 219, (first - 128) / 224, (second - 128) / 224
    red, blue = matrix_of(frame)
    r, b = luma + 255 * second * 2 * (1 - red), luma + 255 * first * 2 * (1 - blue)
    return r, (luma - red * r - blue * b) / (1 - red - blue), b


def _sample(image: Image.Image, x: float, y: float) -> float:
    left, top = int(x * image.width) - 1, int(y * image.height) - 1
    return fmean(array("f", image.crop((left, top, left + 3, top + 3)).tobytes()))


def ssim(one: Image.Image, other: Image.Image, hidden: Image.Image | None = None) -> float:
    """Return the mean structural similarity (Wang et al. 2004) of blocks of 8x8 samples.

    Args:
        one, other: Images of the same size in floating point.
        hidden: An image of mode L; blocks in which it is not 0 do not count.
    """

    def mean(image: Image.Image) -> Image.Image:
        width, height = (max(1, side // _SSIM_BLOCK) for side in image.size)
        block = (min(_SSIM_BLOCK, image.width), min(_SSIM_BLOCK, image.height))
        return image.reduce(block, (0, 0, width * block[0], height * block[1]))

    def product(a: Image.Image, b: Image.Image) -> Image.Image:
        result: Image.Image = ImageMath.lambda_eval(lambda args: args["a"] * args["b"], a=a, b=b)
        return result

    x, y = mean(one), mean(other)
    blocks: Image.Image = ImageMath.lambda_eval(
        lambda v: ((2 * v["x"] * v["y"] + _C1) * (2 * (v["xy"] - v["x"] * v["y"]) + _C2))
        / ((v["x"] * v["x"] + v["y"] * v["y"] + _C1)
           * (v["xx"] - v["x"] * v["x"] + v["yy"] - v["y"] * v["y"] + _C2)),
        x=x, y=y, xx=mean(product(one, one)), yy=mean(product(other, other)), xy=mean(product(one, other)),
    )  # fmt: skip
    values = array("f", blocks.tobytes())
    if hidden is not None:
        counts = mean(hidden.convert("F"))
        values = array(
            "f", (value for value, cover in zip(values, array("f", counts.tobytes()), strict=True) if not cover)
        )
    return fmean(values)


def displayed_size(frame: VideoFrame, aspect: Fraction) -> tuple[float, float]:
    """Return the size in square pixels that a viewer sees."""
    upright = as_viewed(Image.new("L", (frame.width, frame.height)), frame).size
    turned = upright != (frame.width, frame.height)
    return (upright[0], upright[1] * float(aspect)) if turned else (upright[0] * float(aspect), upright[1])
