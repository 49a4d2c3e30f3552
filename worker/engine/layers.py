"""From images and texts to layers that lie ready on the coded picture."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from PIL import Image

from worker.engine.geometry import (
    Box,
    Picture,
    image_size,
    place,
    refuse_if_far_larger,
    tile_origins,
    to_coded,
    turned_size,
)
from worker.engine.images import Drawn, has_visible_pixels, pictures
from worker.engine.text import draw_text
from worker.errors import WatermarkInvalid
from worker.watermark import ImageOverlay, Overlay, Point, TextOverlay, Watermark, never_visible

MAX_TILES = 5000
MAX_ANIMATED_PIXELS = 12_000_000  # of all pictures of all animations as they are shown: 48 MB as RGBA
KEPT_PIXELS = 2_000_000  # of the pictures of an animation, ready to be blended: 8 MB for each layer, 20 with 10 bits

_UNDO_TURN = {
    90: Image.Transpose.ROTATE_90,  # Pillow turns counter-clockwise
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True)
class Layer:
    """One overlay, drawn: a single picture, or those of an animation, each with its time.

    Attributes:
        overlay: Its settings; `worker.engine.timeline` takes opacity and times from here.
        left, top, width, height: Where it lies on the coded picture, in samples; all even, so that a chroma sample of
            4:2:0 belongs to one 2x2 block of the layer. It may reach one sample beyond an odd picture.
        marks: The pictures, all of one size, of mode RGBA in coded orientation and pixel aspect, without the overlay's
            opacity.
        durations: Seconds that each of them is shown before the next, the first following the last.
        places: Left and top of each repetition of a mark on the layer; parts of it may lie outside the layer. A mark
            that is not repeated has been cut to the layer already.
        cut_off: The sides, as a viewer calls them, at which a mark that has an anchor sticks out of the picture.
    """

    overlay: Overlay
    left: int
    top: int
    width: int
    height: int
    marks: tuple[Image.Image, ...]
    durations: tuple[Fraction, ...]
    places: tuple[tuple[int, int], ...]
    cut_off: tuple[str, ...] = ()

    def picture(self, number: int) -> Image.Image:
        """Return one of the pictures in the size of the layer, RGBA; `worker.engine.timeline` says which one when."""
        if len(self.places) == 1:
            return self.marks[number]
        canvas = Image.new("RGBA", (self.width, self.height))
        for where in self.places:
            _add(canvas, self.marks[number], where)
        return canvas


class Prepared[T]:
    """The pictures of a layer as a blender wants them: one alone at once, more when they are first shown.

    Attributes:
        left, top: The layer's.
        pixels_to_come: Of the pictures that will be held beside the first: those kept, and one in the making.
    """

    def __init__(self, layer: Layer, prepare: Callable[[Image.Image], T]) -> None:
        """Get ready.

        Args:
            prepare: Makes of a picture what the blender works with.
        """
        self.left, self.top = layer.left, layer.top
        self._prepare = prepare
        self._kept: dict[int, T] = {}
        if len(layer.marks) == 1:
            self._last = 0, prepare(layer.picture(0))  # and the layer with its mark may go
            self.pixels_to_come = 0
        else:
            self._layer, self._room = layer, KEPT_PIXELS // (layer.width * layer.height) - 1
            self._last = 0, self._made(0)
            others = min(len(layer.marks) - 1, max(0, self._room) + 1)
            self.pixels_to_come = others * layer.width * layer.height

    def __getitem__(self, number: int) -> T:
        """Return a picture by its number; of an animation as many are kept as there is room for."""
        if number == self._last[0]:
            return self._last[1]
        self._last = number, self._kept[number] if number in self._kept else self._made(number)
        return self._last[1]

    def _made(self, number: int) -> T:
        made = self._prepare(self._layer.picture(number))
        if len(self._kept) < self._room:  # those once kept stay: they come in order, so the oldest is wanted first
            self._kept[number] = made
        return made


def draw_layers(watermark: Watermark, images: Mapping[str, Image.Image], picture: Picture) -> list[Layer]:
    """Return the layers of a watermark on a picture, lowest first.

    Args:
        watermark: The checked settings.
        images: By name, as `worker.engine.images.open_image` returns them; any other image of Pillow's will do.
        picture: The *unpadded* picture; an odd size is padded to the right and below.

    Raises:
        WatermarkInvalid: A mark is broken, transparent, far larger than the picture, outside it altogether, or repeated
            too often; an animation is too large; a text cannot be drawn.
    """
    layers: list[Layer] = []
    room = MAX_ANIMATED_PIXELS
    for overlay in watermark.overlays:
        layer = _draw(overlay, images, picture, room)
        if len(layer.marks) > 1:
            room -= sum(mark.width * mark.height for mark in layer.marks)
        layers.append(layer)
    return layers


@dataclass(frozen=True)
class _Site:
    """Where a mark lies on the coded picture.

    Attributes:
        area: The part of the picture that it and its repetitions reach, its edges even.
        places: Left and top of each repetition on that area.
        size: The mark's own, in samples.
        cut_off: As in `Layer`.
    """

    area: Box
    places: tuple[tuple[int, int], ...]
    size: tuple[int, int]
    cut_off: tuple[str, ...]


def _draw(overlay: Overlay, images: Mapping[str, Image.Image], picture: Picture, room: int) -> Layer:
    marks, durations, site = [], [], None
    for drawn in _drawn(overlay, images, picture, room):
        mark = _turned(overlay, drawn.image)
        site = site or _site(overlay, mark.size, picture)
        marks.append(_cut(_as_coded(mark, site.size, picture), site))
        durations.append(drawn.duration)
    assert site is not None  # noqa: S101 - there is always one picture; for the type checker
    places = site.places if len(site.places) > 1 else ((0, 0),)
    if not any(_shows_something(mark, where, site.area) for mark in marks for where in places):
        raise never_visible(
            f"what there is to see in {overlay.label} lies outside the picture or is too small for a pixel",
            "Correct its position, margin or size.",
        )
    left, top, width, height = map(int, (site.area.left, site.area.top, site.area.width, site.area.height))
    return Layer(overlay, left, top, width, height, tuple(marks), tuple(durations), places, site.cut_off)


def _drawn(overlay: Overlay, images: Mapping[str, Image.Image], picture: Picture, room: int) -> Iterator[Drawn]:
    """Yield what there is to be seen in pixels of the displayed picture, not yet turned."""
    if isinstance(overlay, TextOverlay):
        yield Drawn(draw_text(overlay, picture))
    else:
        image = images[overlay.image]
        yield from pictures(image, overlay.image, partial(_size, overlay, picture, room))


def _size(overlay: ImageOverlay, picture: Picture, room: int, natural: tuple[int, int], count: int) -> tuple[int, int]:
    size = image_size(overlay, natural, picture)
    refuse_if_far_larger(overlay, size, picture)
    coded = to_coded(Box(0, 0, *turned_size(size, overlay.rotate)), picture)
    if count > 1 and count * coded.width * coded.height > room:
        raise WatermarkInvalid(
            f"The {count} pictures of the animation {overlay.image} would have {coded.width:.0f}x{coded.height:.0f} "
            f"pixels each; a watermark's animations may have {MAX_ANIMATED_PIXELS:,} in all.",
            "Give it a smaller width, or fewer pictures.",
        )
    return size


def _turned(overlay: Overlay, mark: Image.Image) -> Image.Image:
    if overlay.rotate % 360 == 0:
        return mark
    turned = mark.rotate(-overlay.rotate, Image.Resampling.BICUBIC, expand=True)
    # Pillow rounds the box outwards from its own centre and may add a transparent line; the geometry is ours.
    width, height = turned_size(mark.size, overlay.rotate)
    left, top = (turned.width - width) // 2, (turned.height - height) // 2
    return turned.crop((left, top, left + width, top + height))


def _tiles(overlay: Overlay, first: Box, picture: Picture) -> list[Box]:
    if overlay.tile is None:
        return [first]
    lefts, tops = tile_origins(first, overlay.tile, picture)
    if len(lefts) * len(tops) > MAX_TILES:
        raise WatermarkInvalid(
            f"The watermark {overlay.label} would be repeated {len(lefts) * len(tops)} times; "
            f"at most {MAX_TILES} tiles are drawn.",
            "Make it larger, or the gap of its tiles.",
        )
    return [Box(left, top, first.width, first.height) for top in tops for left in lefts]


def _as_coded(mark: Image.Image, size: tuple[int, int], picture: Picture) -> Image.Image:
    if picture.orientation.clockwise:
        mark = mark.transpose(_UNDO_TURN[picture.orientation.clockwise])
    if picture.orientation.mirrored:
        mark = mark.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return mark if mark.size == size else mark.resize(size, Image.Resampling.LANCZOS)


def _area(overlay: Overlay, boxes: list[Box], picture: Picture) -> Box:
    """Return the part of the coded picture that the boxes reach, widened to even edges."""
    left, right = max(0, min(box.left for box in boxes)), min(picture.width, max(box.right for box in boxes))
    top, bottom = max(0, min(box.top for box in boxes)), min(picture.height, max(box.bottom for box in boxes))
    if left >= right or top >= bottom:
        raise never_visible(
            f"{overlay.label} lies outside the picture of {picture.displayed[0]:.0f}x{picture.displayed[1]:.0f}",
            "Correct its position or margin.",
        )
    left, top = left - left % 2, top - top % 2
    return Box(left, top, right - left + (right - left) % 2, bottom - top + (bottom - top) % 2)


def _site(overlay: Overlay, size: tuple[int, int], picture: Picture) -> _Site:
    placed = place(overlay, size, picture)
    boxes = [to_coded(box, picture) for box in _tiles(overlay, placed, picture)]
    area = _area(overlay, boxes, picture)
    places = tuple((int(box.left - area.left), int(box.top - area.top)) for box in boxes)
    return _Site(area, places, (int(boxes[0].width), int(boxes[0].height)), _cut_off(overlay, placed, picture))


def _cut_off(overlay: Overlay, box: Box, picture: Picture) -> tuple[str, ...]:
    if overlay.tile is not None or isinstance(overlay.position, Point):  # which reach beyond the picture on purpose
        return ()
    width, height = picture.displayed
    beyond = {"left": -box.left, "right": box.right - width, "upper": -box.top, "lower": box.bottom - height}
    return tuple(side for side, pixels in beyond.items() if pixels > 1)  # one is lost to rounding


def _cut(mark: Image.Image, site: _Site) -> Image.Image:
    """Return a mark that is not repeated in the size of its layer: what is outside takes no memory."""
    if len(site.places) > 1:
        return mark
    left, top = site.places[0]
    return mark.crop((-left, -top, int(site.area.width) - left, int(site.area.height) - top))


def _shows_something(mark: Image.Image, where: tuple[int, int], area: Box) -> bool:
    left, top = max(0, -where[0]), max(0, -where[1])
    right, bottom = min(mark.width, int(area.width) - where[0]), min(mark.height, int(area.height) - where[1])
    return left < right and top < bottom and has_visible_pixels(mark.crop((left, top, right, bottom)))


def _add(canvas: Image.Image, mark: Image.Image, where: tuple[int, int]) -> None:
    """Compose `mark` over `canvas`, where tiles without a gap may share a rounded sample; `where` may lie outside."""
    left, top = max(0, where[0]), max(0, where[1])
    right, bottom = min(canvas.width, where[0] + mark.width), min(canvas.height, where[1] + mark.height)
    if left < right and top < bottom:
        part = mark.crop((left - where[0], top - where[1], right - where[0], bottom - where[1]))
        canvas.alpha_composite(part, (left, top))
