"""Where a mark lies: arithmetic on the displayed picture and the way back to the coded one. No pixels here.

Two spaces are meant throughout:

- *displayed*: what a viewer sees, in square pixels, after the display matrix and the pixel aspect.
- *coded*: the samples in the file. A phone held upright codes 1920x1080 and displays 1080x1920.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import atan2, ceil, cos, degrees, floor, radians, sin

from worker.errors import WatermarkInvalid
from worker.lengths import Length
from worker.watermark import ImageOverlay, Overlay, Point

IDENTITY_MATRIX = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


@dataclass(frozen=True)
class Orientation:
    """How the coded picture is turned for display: first mirrored left to right if `mirrored`, then turned clockwise.

    Attributes:
        clockwise: 0, 90, 180 or 270 degrees.
    """

    clockwise: int = 0
    mirrored: bool = False

    @property
    def swaps_sides(self) -> bool:
        """Whether displayed width and coded height go together."""
        return self.clockwise in (90, 270)


def orientation_of(matrix: Sequence[int] | None) -> Orientation:
    """Return the orientation that a display matrix asks for, to the nearest quarter turn.

    Args:
        matrix: Nine integers in the order of ISO/IEC 14496-12 `tkhd`: a point (x, y) of the coded picture is displayed
            at (a*x + c*y, b*x + d*y) with a, b = matrix[0:2] and c, d = matrix[3:5]; y points down.
    """
    if matrix is None:
        return Orientation()
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    angle = degrees(atan2(b, a)) if (a, b) != (0, 0) else 0.0
    return Orientation(round(angle / 90) % 4 * 90, mirrored)


@dataclass(frozen=True)
class Picture:
    """A picture's size, coded and displayed.

    Attributes:
        width, height: Coded size in samples.
        sample_aspect_ratio: Width of a sample divided by its height.
    """

    width: int
    height: int
    sample_aspect_ratio: Fraction = Fraction(1)
    orientation: Orientation = Orientation()

    @property
    def upright(self) -> tuple[float, float]:
        """Size in square pixels before the display matrix."""
        return self.width * float(self.sample_aspect_ratio), float(self.height)

    @property
    def displayed(self) -> tuple[float, float]:
        """Size in square pixels that a viewer sees."""
        width, height = self.upright
        return (height, width) if self.orientation.swaps_sides else (width, height)


@dataclass(frozen=True)
class Box:
    """A rectangle; the right and lower edge are outside."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height


def image_size(overlay: ImageOverlay, natural: tuple[int, int], picture: Picture) -> tuple[int, int]:
    """Return the displayed size in pixels that an image of `natural` size gets before it is turned."""
    width = max(1, round(overlay.width.pixels(picture.displayed[0])))
    return width, max(1, round(width * natural[1] / natural[0]))


def refuse_if_far_larger(overlay: Overlay, size: tuple[int, int], picture: Picture) -> None:
    """Refuse a mark that would be drawn far beyond the picture, which costs memory and shows nothing.

    Raises:
        WatermarkInvalid
    """
    width, height = picture.displayed
    if size[0] * size[1] > 2 * width * height + 1_000_000:
        setting = "width" if isinstance(overlay, ImageOverlay) else "size"
        raise WatermarkInvalid(
            f"The watermark {overlay.label} would be {size[0]}x{size[1]} pixels on a picture of "
            f"{width:.0f}x{height:.0f}.",
            f"Give it a smaller {setting}.",
        )


def turned_size(size: tuple[int, int], clockwise: float) -> tuple[int, int]:
    """Return the size of the box that holds a turned image."""
    angle = radians(clockwise)
    width = abs(size[0] * cos(angle)) + abs(size[1] * sin(angle))
    height = abs(size[0] * sin(angle)) + abs(size[1] * cos(angle))
    # The subtraction keeps a quarter turn, whose cosine is 6e-17 and not 0, from growing the box by a pixel.
    return ceil(width - 1e-6), ceil(height - 1e-6)


def place(overlay: Overlay, size: tuple[int, int], picture: Picture) -> Box:
    """Return the displayed box of a mark of this size; parts of it may lie outside the picture."""
    width, height = picture.displayed
    if isinstance(overlay.position, Point):
        left, top = overlay.position.x.pixels(width), overlay.position.y.pixels(width)
    else:
        margin = overlay.margin.pixels(width)
        left = _aligned(overlay.position, "left", "right", width, size[0], margin)
        top = _aligned(overlay.position, "top", "bottom", height, size[1], margin)
    return Box(round(left), round(top), *size)


def _aligned(anchor: str, near: str, far: str, whole: float, size: float, margin: float) -> float:
    words = anchor.split("-")
    if near in words:
        return margin
    return whole - margin - size if far in words else (whole - size) / 2


def tile_origins(first: Box, gap: Length, picture: Picture) -> tuple[list[int], list[int]]:
    """Return the left edges and the top edges of all tiles that touch the picture, one of them being `first`'s."""
    width, height = picture.displayed
    distance = gap.pixels(width)
    return _repeats(first.left, first.width + distance, width), _repeats(first.top, first.height + distance, height)


def _repeats(first: float, pitch: float, whole: float) -> list[int]:
    # A tile n steps from the first covers [first + n*pitch, first + (n+1)*pitch) with its gap.
    lowest, highest = floor(-first / pitch), ceil((whole - first) / pitch)
    return [round(first + n * pitch) for n in range(lowest, highest)]


def to_coded(box: Box, picture: Picture) -> Box:
    """Return the box in coded samples for a box in displayed pixels: the inverse of mirroring, turning and stretching.

    The result lies on whole samples and is at least one sample wide and high.
    """
    width, height = picture.upright
    left, top, box_width, box_height = box.left, box.top, box.width, box.height
    match picture.orientation.clockwise:
        case 90:  # displayed x runs against coded y, displayed y along coded x
            left, top, box_width, box_height = box.top, height - box.right, box.height, box.width
        case 180:
            left, top = width - box.right, height - box.bottom
        case 270:
            left, top, box_width, box_height = width - box.bottom, box.left, box.height, box.width
    if picture.orientation.mirrored:
        left = width - left - box_width
    stretch = float(picture.sample_aspect_ratio)
    return Box(
        round(left / stretch), round(top), max(1, round(box_width / stretch)), max(1, round(box_height))
    )  # fmt: skip
