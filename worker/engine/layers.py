"""From watermark images to layers that lie ready on the coded picture; limits come before decoding."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError

from worker.engine.geometry import Box, Picture, image_size, place, tile_origins, to_coded, turned_size
from worker.errors import WatermarkInvalid
from worker.watermark import ImageOverlay, Watermark, never_visible

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_IMAGE_PIXELS = 25_000_000  # 100 MB as RGBA: what a task of 512 MB can spare
MAX_TILES = 5000
KEPT_PIXELS = 4_000_000  # of the pictures of an animation, ready to be blended: at most some 16 MB for each layer
Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit is laxer, and its sentence is about an attack

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
        places: Left and top of each repetition of a mark on the layer; parts of it may lie outside the layer.
    """

    overlay: ImageOverlay
    left: int
    top: int
    width: int
    height: int
    marks: tuple[Image.Image, ...]
    durations: tuple[Fraction, ...]
    places: tuple[tuple[int, int], ...]

    def picture(self, number: int) -> Image.Image:
        """Draw one of the pictures in the size of the layer, RGBA; `worker.engine.timeline` says which one when."""
        canvas = Image.new("RGBA", (self.width, self.height))
        for where in self.places:
            if len(self.places) == 1:
                canvas.paste(self.marks[number], where)  # it is empty: keep the colours under transparent pixels
            else:
                _add(canvas, self.marks[number], where)
        return canvas


class Prepared[T]:
    """The pictures of a layer as a blender wants them: one alone at once, more when they are first shown.

    Attributes:
        left, top: The layer's.
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
        else:
            self._layer, self._room = layer, KEPT_PIXELS // (layer.width * layer.height) - 1
            self._last = 0, self._made(0)

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


def load_image(file: BinaryIO, name: str) -> Image.Image:
    """Return a watermark image as RGBA, the first frame of an animated one, upright by its EXIF orientation.

    Raises:
        WatermarkInvalid: Not PNG, JPEG or WebP, broken, larger than MAX_IMAGE_PIXELS by its header, or transparent.
    """
    try:
        with Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_IMAGE_PIXELS:
                raise WatermarkInvalid(
                    f"The watermark image {name} has {width}x{height} pixels; at most {MAX_IMAGE_PIXELS:,} are read.",
                    "Use a smaller image: more pixels than the video has are of no use.",
                )
            image.load()
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):  # 16-bit grey, which convert() would clip at 255 and not scale
                upright = upright.point(lambda value: value / 256, "L") if upright.mode == "I;16" else upright
            result = upright.convert("RGBA")
    except UnidentifiedImageError as error:
        raise WatermarkInvalid(f"The watermark image {name} is no PNG, JPEG or WebP file.") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise WatermarkInvalid(f"The watermark image {name} is broken: {error}.") from error
    if not _has_visible_pixels(result):
        raise never_visible(f"the image {name} is transparent all over", "Use an image with something to see in it.")
    return result


def _has_visible_pixels(image: Image.Image) -> bool:
    return image.getchannel("A").getbbox() is not None


def draw_layers(watermark: Watermark, images: Mapping[str, Image.Image], picture: Picture) -> list[Layer]:
    """Return the layers of a watermark on a picture, lowest first.

    Args:
        watermark: The checked settings.
        images: RGBA images by name.
        picture: The *unpadded* picture; an odd size is padded to the right and below.

    Raises:
        WatermarkInvalid: A mark lies outside the picture altogether, is far larger than it, or is repeated too often.
    """
    return [_draw(overlay, images[overlay.image], picture) for overlay in watermark.overlays]


def refuse_what_never_starts(layers: Sequence[Layer], duration: float) -> None:
    """Refuse a watermark of which nothing starts before the video ends.

    Args:
        layers: All of the watermark's. Some may start too late: the same watermark may serve longer videos too.
        duration: Seconds; 0 if the file does not say.

    Raises:
        WatermarkInvalid
    """
    first = min(layer.overlay.start for layer in layers)
    if duration and first >= duration:
        raise never_visible(
            f"it starts at {first:g} s, but the video ends at {duration:.3f} s", "Let it start earlier."
        )


def _draw(overlay: ImageOverlay, image: Image.Image, picture: Picture) -> Layer:
    mark = _turned(overlay, _scaled(overlay, image, picture))
    first = place(overlay, mark.size, picture)
    boxes = [to_coded(box, picture) for box in _tiles(overlay, first, picture)]
    mark = _as_coded(mark, (int(boxes[0].width), int(boxes[0].height)), picture)
    return _compose(overlay, mark, boxes, picture)


def _scaled(overlay: ImageOverlay, image: Image.Image, picture: Picture) -> Image.Image:
    size = image_size(overlay, image.size, picture)
    displayed = picture.displayed
    if size[0] * size[1] > 2 * displayed[0] * displayed[1] + 1_000_000:
        raise WatermarkInvalid(
            f"The watermark {overlay.image} would be {size[0]}x{size[1]} pixels on a picture of "
            f"{displayed[0]:.0f}x{displayed[1]:.0f}.",
            "Give it a smaller width.",
        )
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _turned(overlay: ImageOverlay, mark: Image.Image) -> Image.Image:
    if overlay.rotate % 360 == 0:
        return mark
    turned = mark.rotate(-overlay.rotate, Image.Resampling.BICUBIC, expand=True)
    # Pillow rounds the box outwards from its own centre and may add a transparent line; the geometry is ours.
    width, height = turned_size(mark.size, overlay.rotate)
    left, top = (turned.width - width) // 2, (turned.height - height) // 2
    return turned.crop((left, top, left + width, top + height))


def _tiles(overlay: ImageOverlay, first: Box, picture: Picture) -> list[Box]:
    if overlay.tile is None:
        return [first]
    lefts, tops = tile_origins(first, overlay.tile, picture)
    if len(lefts) * len(tops) > MAX_TILES:
        raise WatermarkInvalid(
            f"The watermark {overlay.image} would be repeated {len(lefts) * len(tops)} times; "
            f"at most {MAX_TILES} tiles are drawn.",
            "Give it a larger width or a larger tile gap.",
        )
    return [Box(left, top, first.width, first.height) for top in tops for left in lefts]


def _as_coded(mark: Image.Image, size: tuple[int, int], picture: Picture) -> Image.Image:
    if picture.orientation.clockwise:
        mark = mark.transpose(_UNDO_TURN[picture.orientation.clockwise])
    if picture.orientation.mirrored:
        mark = mark.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return mark if mark.size == size else mark.resize(size, Image.Resampling.LANCZOS)


def _compose(overlay: ImageOverlay, mark: Image.Image, boxes: list[Box], picture: Picture) -> Layer:
    left, right = (max(0, int(min(box.left for box in boxes))), min(picture.width, int(max(b.right for b in boxes))))
    top, bottom = (max(0, int(min(box.top for box in boxes))), min(picture.height, int(max(b.bottom for b in boxes))))
    if left >= right or top >= bottom:
        raise never_visible(
            f"{overlay.image} lies outside the picture of {picture.displayed[0]:.0f}x{picture.displayed[1]:.0f}",
            "Correct its position or margin.",
        )
    even_left, even_top = left - left % 2, top - top % 2
    width, height = right - even_left, bottom - even_top
    places = tuple((int(box.left) - even_left, int(box.top) - even_top) for box in boxes)
    size = (width + width % 2, height + height % 2)
    if not any(_shows_something(mark, where, size) for where in places):
        raise never_visible(
            f"what there is to see in {overlay.image} lies outside the picture or is too small for a pixel",
            "Correct its position, margin or width.",
        )
    return Layer(overlay, even_left, even_top, *size, (mark,), (Fraction(1),), places)


def _shows_something(mark: Image.Image, where: tuple[int, int], size: tuple[int, int]) -> bool:
    left, top = where
    right, bottom = min(mark.width, size[0] - left), min(mark.height, size[1] - top)
    return _has_visible_pixels(mark.crop((max(0, -left), max(0, -top), right, bottom)))


def _add(canvas: Image.Image, mark: Image.Image, where: tuple[int, int]) -> None:
    """Compose `mark` over `canvas`, where turned tiles without a gap may overlap; `where` may lie outside."""
    left, top = max(0, where[0]), max(0, where[1])
    right, bottom = min(canvas.width, where[0] + mark.width), min(canvas.height, where[1] + mark.height)
    if left < right and top < bottom:
        part = mark.crop((left - where[0], top - where[1], right - where[0], bottom - where[1]))
        canvas.alpha_composite(part, (left, top))
