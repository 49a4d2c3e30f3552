"""Watermark images out of untrusted files: limits by the header first, then their pictures in the size that is wanted.

An animation's pictures are decoded one after the other and never all held in full size.
"""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from worker.errors import WatermarkInvalid
from worker.watermark import SVG_HINT, never_visible

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_IMAGE_PIXELS = 25_000_000  # 100 MB as RGBA: what a task of 512 MB can spare
MAX_WEBP_PIXELS = 10_000_000  # its decoder holds the picture four times, which is 16 bytes for each pixel
MAX_ANIMATED_PIXELS = 4_000_000  # of each picture: some are held at once while one is made of the others
MAX_DECODED_PIXELS = 250_000_000  # of all pictures: some seconds of decoding
ANEW = "Open it in a program that shows it, and save it as a PNG."
MAX_PICTURES = 1000
Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit is laxer, and its sentence is about an attack

STILL = Fraction(1)  # seconds; any number would do
# Browsers show a picture that says 10 ms or less for 100 ms: authors wrote 0 and meant "as is usual".
_SHORTEST, _USUAL = Fraction(11, 1000), Fraction(1, 10)
_SIDEWAYS = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_MAX_DENOMINATOR = 0xFFFF  # APNG has seconds as a fraction of two 16-bit numbers, GIF and WebP have milliseconds

Size = tuple[int, int]


@dataclass(frozen=True)
class Drawn:
    """One picture of an image.

    Attributes:
        image: RGBA, sRGB, upright, in the size that was wanted.
        duration: Seconds until the next one.
    """

    image: Image.Image
    duration: Fraction = STILL


def open_image(file: BinaryIO, name: str) -> Image.Image:
    """Return an image of which nothing but the header has been read; the file must stay open while it is used.

    Raises:
        WatermarkInvalid: Not PNG, JPEG, WebP or GIF, broken, or too large by its header.
    """
    # Of an APNG that is none Pillow just warns, and shows a still.
    with _told_as_broken(name), warnings.catch_warnings(action="error"):
        try:
            image = Image.open(file, formats=FORMATS)
        except UnidentifiedImageError as error:
            file.seek(0)
            if b"<svg" in file.read(4096):
                raise WatermarkInvalid(f"The watermark image {name} is an SVG, which is not read.", SVG_HINT) from error
            raise WatermarkInvalid(f"The watermark image {name} is no PNG, JPEG, WebP or GIF file.", ANEW) from error
        _refuse_if_too_large(image, name)
        count = _count(image)
        if count > MAX_PICTURES or count * image.width * image.height > MAX_DECODED_PIXELS:
            raise WatermarkInvalid(
                f"The animation {name} has {count} pictures of {image.width}x{image.height}; at most {MAX_PICTURES} "
                f"pictures with {MAX_DECODED_PIXELS:,} pixels in all are read.",
                "Make it shorter, smaller or slower.",
            )
    return image


def pictures(image: Image.Image, name: str, fit: Callable[[Size, int], Size]) -> Iterator[Drawn]:
    """Yield the pictures of an image, in order; a still has one.

    Args:
        image: From `open_image`. It can be gone through several times.
        name: What errors call it.
        fit: Returns the size that is wanted, given the image's own and the number of its pictures.

    Raises:
        WatermarkInvalid: It is broken, or transparent all over.
    """
    with _told_as_broken(name):
        count, size, visible = _count(image), image.size, False
        # An APNG may begin with a picture for those who show no animations, which is no part of it.
        first = 1 if count > 1 and image.info.get("default_image") else 0
        for number in range(first, count):
            if count > 1:
                image.seek(number)
                _refuse_if_too_large(image, name)  # a picture of a GIF may reach out of it, and Pillow widens it then
            image.load()
            picture = image if image.size == size else image.crop((0, 0, *size))
            drawn = _upright(picture, lambda natural: fit(natural, count - first))
            visible = visible or has_visible_pixels(drawn) or has_visible_pixels(picture.convert("RGBA"))
            yield Drawn(drawn, _duration(image))
    if not visible:
        raise never_visible(f"the image {name} is transparent all over", "Use an image with something to see in it.")


def check_image(file: BinaryIO, name: str) -> None:
    """Read an image to its end.

    Raises:
        WatermarkInvalid: As `open_image` and `pictures` do.
    """
    with open_image(file, name) as image:
        for _ in pictures(image, name, lambda natural, _count: natural):
            pass


def has_visible_pixels(image: Image.Image) -> bool:
    """Return whether anything of an RGBA image is not transparent."""
    return image.getchannel("A").getbbox() is not None


@contextmanager
def _told_as_broken(name: str) -> Iterator[None]:
    try:
        yield
    except (WatermarkInvalid, MemoryError):
        raise
    except Exception as error:  # damaged data makes Pillow raise about anything, AssertionError and struct.error too
        raise WatermarkInvalid(f"The watermark image {name} is broken: {error}.", ANEW) from error


def _count(image: Image.Image) -> int:
    return getattr(image, "n_frames", 1)


def _refuse_if_too_large(image: Image.Image, name: str) -> None:
    kind, limit = "image", MAX_WEBP_PIXELS if image.format == "WEBP" else MAX_IMAGE_PIXELS
    if _count(image) > 1:
        kind, limit = "animation", MAX_ANIMATED_PIXELS
    if image.width * image.height > limit:
        raise WatermarkInvalid(
            f"The watermark {kind} {name} has {image.width}x{image.height} pixels; at most {limit:,} are read.",
            "Use a smaller image: more pixels than the video has are of no use.",
        )


def _duration(image: Image.Image) -> Fraction:
    seconds = Fraction(float(image.info.get("duration", 0)) / 1000).limit_denominator(_MAX_DENOMINATOR)
    return seconds if seconds >= _SHORTEST else _USUAL


def _upright(image: Image.Image, fit: Callable[[Size], Size]) -> Image.Image:
    """Return the image as RGBA of sRGB in the size that is wanted, turned as its EXIF says.

    It is scaled first, so that no more than one other image of its size is needed at a time.
    """
    sideways = image.getexif().get(ExifTags.Base.Orientation, 1) in _SIDEWAYS
    size = fit(image.size[::-1] if sideways else image.size)
    scaled = _plain(image).resize(size[::-1] if sideways else size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return ImageOps.exif_transpose(_as_srgb(scaled, image.info.get("icc_profile")))


def _plain(image: Image.Image) -> Image.Image:
    """Return the image as RGBA if it has any transparency, else as RGB, L or CMYK, with 8 bits each."""
    if (key := image.info.get("transparency")) is not None and image.mode in ("RGB", "I;16"):
        image = image.copy()
        image.info["transparency"] = _eight_bits(key)
    if image.mode == "I;16":  # 16-bit grey, which convert() would clip at 255 and not scale
        image = image.point(lambda value: value / 256, "L")
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    return image if image.mode in ("RGB", "L", "CMYK") else image.convert("RGB")


def _eight_bits(key: int | tuple[int, ...]) -> int | tuple[int, ...]:
    """Return the colour that stands for transparency in the depth that Pillow has reduced the image to."""
    if isinstance(key, tuple):
        return tuple(value // 256 for value in key) if max(key) > 255 else key
    return key // 256


def _as_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile:
        return image.convert("RGBA")
    if image.mode != "RGBA":
        return _converted(image, profile).convert("RGBA")
    result = _converted(image.convert("RGB"), profile)
    result.putalpha(image.getchannel("A"))
    return result


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return image  # a broken profile, or one for other colours than the image has, is as good as none
    assert converted is not None  # noqa: S101 - it is made in place only on request; for the type checker
    return converted
