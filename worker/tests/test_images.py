"""What Pillow makes of the many kinds of images, and what it must not be given."""

import io
import random
import resource
import struct
import zlib
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from worker.engine.images import Drawn, open_image, pictures
from worker.errors import WatermarkInvalid

RED, GREEN, BLUE = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255)


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def read(content: bytes, size: tuple[int, int] | None = None) -> list[Drawn]:
    with io.BytesIO(content) as file, open_image(file, "a.png") as image:
        return list(pictures(image, "a.png", lambda natural, _count: size or natural))


def colours(content: bytes) -> list[Any]:
    return [drawn.image.getpixel((0, 0)) for drawn in read(content)]


def near(found: Any, expected: Sequence[int], tolerance: int = 2) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(found, expected, strict=True))


def palette_with_transparency() -> bytes:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 9, 99, 199])
    return saved(image, transparency=bytes([255, 128]))


def grey16(value: int, key: int | None = None) -> bytes:
    """A 16-bit grey PNG, with a value that stands for transparency if one is given."""
    rows = b"".join(b"\0" + struct.pack(">4H", value, 0x1234, 0, 0) for _ in range(4))
    return png(
        struct.pack(">IIBBBBB", 4, 4, 16, 0, 0, 0, 0),
        rows,
        *([] if key is None else [(b"tRNS", struct.pack(">H", key))]),
    )


def rgba16() -> bytes:
    rows = b"".join(b"\0" + struct.pack(">4H", 0xFFFF, 0x8000, 0, 0x4000) * 4 for _ in range(4))
    return png(struct.pack(">IIBBBBB", 4, 4, 16, 6, 0, 0, 0), rows)


def png(header: bytes, rows: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    body = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


@pytest.mark.parametrize(
    ("content", "colour"),
    [
        (saved(Image.new("RGBA", (4, 4), (255, 0, 0, 100))), (255, 0, 0, 100)),
        (saved(Image.new("LA", (4, 4), (70, 30))), (70, 70, 70, 30)),
        (saved(Image.new("L", (4, 4), 70)), (70, 70, 70, 255)),
        (saved(Image.new("1", (4, 4), 1)), (255, 255, 255, 255)),
        (palette_with_transparency(), (9, 99, 199, 128)),
        (grey16(0x8000), (128, 128, 128, 255)),
        (grey16(0x8000, 0x1234), (128, 128, 128, 255)),
        (rgba16(), (255, 128, 0, 64)),
        (saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100), (255, 0, 0, 255)),
        (saved(Image.new("L", (8, 8), 70), "JPEG"), (70, 70, 70, 255)),
        (saved(Image.new("RGBA", (8, 8), (255, 0, 0, 100)), "WEBP", lossless=True), (255, 0, 0, 100)),
        (saved(Image.new("P", (4, 4), 0), "GIF"), (0, 0, 0, 255)),
    ],
    ids=["rgba", "la", "l", "1", "palette", "grey16", "grey16-key", "rgba16", "cmyk", "jpeg-l", "webp", "gif"],
)  # fmt: skip
def test_an_image_has_its_colours(content: bytes, colour: tuple[int, ...]) -> None:
    [found] = colours(content)
    assert near(found, colour), found


def test_the_value_that_stands_for_transparency_is_transparent() -> None:
    [drawn] = read(grey16(0x8000, 0x1234))
    assert [drawn.image.getpixel((x, 0))[3] for x in range(3)] == [255, 0, 255]  # type: ignore[index]
    image = Image.new("RGB", (4, 4), (1, 2, 3))
    image.putpixel((1, 1), (9, 9, 9))
    [drawn] = read(saved(image, transparency=(9, 9, 9)))
    assert (drawn.image.getpixel((0, 0)), drawn.image.getchannel("A").getpixel((1, 1))) == ((1, 2, 3, 255), 0)


Colorants = Sequence[tuple[float, float, float]]


def rgb_profile(colorants: Colorants, gamma: float = 2.2) -> bytes:
    """An ICC profile of these colours of red, green and blue (XYZ of D50) and this gamma."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    tags = {b"wtpt": b"XYZ " + bytes(4) + fixed(0.9642, 1.0, 0.8249)}
    for name, values in zip((b"r", b"g", b"b"), colorants, strict=True):
        tags[name + b"XYZ"] = b"XYZ " + bytes(4) + fixed(*values)
        tags[name + b"TRC"] = curve
    offset, table, data = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += name + struct.pack(">II", offset + len(data), len(content))
        data += content
    body = struct.pack(">I", len(tags)) + table + data
    header = struct.pack(">I4sI4s4s4s", 128 + len(body), bytes(4), 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + body


# Colorants adapted to D50, as in the profiles that cameras and phones embed.
ADOBE_RGB = [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)]
DISPLAY_P3 = [(0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)]


TO_SRGB = ((3.13386, -1.61687, -0.49061), (-0.97877, 1.91614, 0.03345), (0.07195, -0.22899, 1.40524))  # from XYZ of D50


def in_srgb(colour: Sequence[int], colorants: Sequence[Sequence[float]]) -> list[int]:
    """Return what a colour of a space of gamma 2.2 is in sRGB, by the arithmetic of IEC 61966-2-1."""
    linear = [(value / 255) ** 2.2 for value in colour]
    xyz = [sum(value * colorant[axis] for value, colorant in zip(linear, colorants, strict=True)) for axis in range(3)]
    rgb = [max(0.0, sum(factor * value for factor, value in zip(row, xyz, strict=True))) for row in TO_SRGB]
    return [round(255 * (12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055)) for value in rgb]


@pytest.mark.parametrize("colorants", [ADOBE_RGB, DISPLAY_P3], ids=["adobe", "p3"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colours_of_a_profile_become_those_of_srgb(colorants: Colorants, mode: str) -> None:
    inside = (150, 180, 120)  # a soft green: the wide spaces' is stronger in sRGB
    image = Image.new("RGB", (4, 4), inside)
    image = image.quantize(2) if mode == "P" else image.convert(mode)
    [found] = colours(saved(image, icc_profile=rgb_profile(colorants)))
    assert near(found, [*in_srgb(inside, colorants), 255], 3)
    assert not near(found, [*inside, 255], 6)


def test_alpha_is_no_colour_to_a_profile() -> None:
    [found] = colours(saved(Image.new("RGBA", (4, 4), (255, 255, 255, 77)), icc_profile=rgb_profile(DISPLAY_P3)))
    assert near(found, (255, 255, 255, 77))


@pytest.mark.parametrize(
    "profile", [b"nonsense", rgb_profile(ADOBE_RGB)[:200], b"\0" * 1000], ids=["text", "cut", "zeros"]
)
def test_a_broken_profile_is_as_good_as_none(profile: bytes) -> None:
    assert colours(saved(Image.new("RGB", (4, 4), (1, 200, 3)), icc_profile=profile)) == [(1, 200, 3, 255)]


def test_a_profile_for_other_colours_is_as_good_as_none() -> None:
    assert colours(saved(Image.new("L", (4, 4), 50), icc_profile=rgb_profile(DISPLAY_P3))) == [(50, 50, 50, 255)]


def test_a_photo_is_upright() -> None:
    photo = Image.new("RGB", (40, 20), (0, 0, 255))
    photo.paste((255, 0, 0), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    asked = []
    with io.BytesIO(saved(photo, "JPEG", exif=exif, quality=95)) as file, open_image(file, "a.jpg") as image:
        [drawn] = pictures(image, "a.jpg", lambda natural, _count: asked.append(natural) or (10, 20))  # type: ignore[func-returns-value]
    assert asked == [(20, 40)]
    assert drawn.image.size == (10, 20)
    assert near(drawn.image.getpixel((5, 2)), RED, 4)
    assert near(drawn.image.getpixel((5, 17)), BLUE, 4)


def animation(kind: str, durations: Sequence[int], size: tuple[int, int] = (16, 8), **options: Any) -> bytes:
    frames = [
        Image.new("RGBA", size, (index * 3 % 256, 255 - index * 5 % 256, 30, 255)) for index in range(len(durations))
    ]
    if kind == "WEBP":
        options["lossless"] = True
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=list(durations), loop=1, **options)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_an_animation_has_its_pictures_and_times(kind: str) -> None:
    found = read(animation(kind, [40, 250, 10, 0, 20]), (8, 4))
    assert [drawn.duration * 1000 for drawn in found] == [40, 250, 100, 100, 20]
    assert [drawn.image.size for drawn in found] == [(8, 4)] * 5
    for index, drawn in enumerate(found):
        assert near(drawn.image.getpixel((4, 2)), (index * 3, 255 - index * 5, 30, 255), 6)


def test_a_fraction_of_a_second_that_is_no_number_of_milliseconds_stays_exact() -> None:
    content = bytearray(animation("PNG", [33] * 3))
    for match in (index for index in range(len(content)) if content[index : index + 4] == b"fcTL"):
        data = content[match + 4 : match + 30]
        data[20:24] = struct.pack(">HH", 1, 30)
        content[match + 4 : match + 34] = data + struct.pack(">I", zlib.crc32(b"fcTL" + bytes(data)))
    assert [drawn.duration for drawn in read(bytes(content))] == [Fraction(1, 30)] * 3


def test_the_still_of_an_apng_for_those_who_show_no_animations_is_no_part_of_it() -> None:
    frames = [Image.new("RGBA", (4, 4), colour) for colour in (RED, GREEN, BLUE)]
    content = saved(frames[0], save_all=True, append_images=frames[1:], duration=100, default_image=True)
    assert colours(content) == [GREEN, BLUE]


@pytest.mark.parametrize("disposal", [1, 2, 3])
def test_a_part_of_a_picture_lies_on_what_its_predecessor_left(disposal: int) -> None:
    """Disposal 1 leaves a picture, 2 clears it, 3 brings back what was before it."""
    whole = Image.new("RGBA", (8, 8), RED)
    patch = Image.new("RGBA", (8, 8), RED)
    patch.paste(GREEN, (0, 0, 4, 8))
    other = Image.new("RGBA", (8, 8), RED)
    other.paste(BLUE, (4, 0, 8, 8))
    content = saved(whole, "GIF", save_all=True, append_images=[patch, other], duration=100, disposal=[1, disposal, 1])
    found = [[drawn.image.getpixel((x, 4)) for x in (1, 6)] for drawn in read(content)]
    assert found == [[RED, RED], [GREEN, RED], [RED, BLUE]]


def claiming(content: bytes, chunk: bytes, offset: int, value: int) -> bytes:
    """Return a PNG in whose chunk a 32-bit number says something else, with the right check sum."""
    changed = bytearray(content)
    start = content.index(chunk) + 4
    length = struct.unpack(">I", content[start - 8 : start - 4])[0]
    changed[start + offset : start + offset + 4] = struct.pack(">I", value)
    changed[start + length : start + length + 4] = struct.pack(">I", zlib.crc32(changed[start - 4 : start + length]))
    return bytes(changed)


def webp_of(width: int, height: int) -> bytes:
    """An extended WebP whose header has this canvas, with the picture of another."""
    content = bytearray(animation("WEBP", [100, 100]))
    start = content.index(b"VP8X") + 8
    content[start + 4 : start + 10] = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return bytes(content)


def gif_of(content: bytes, width: int, height: int) -> bytes:
    """A GIF whose header has this canvas."""
    return content[:6] + struct.pack("<HH", width, height) + content[10:]


def text_bomb(kind: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return png(header, b"\0\0", (kind, b"name\0\0" + zlib.compress(bytes(20_000_000), 1)))


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: claiming(saved(Image.new("1", (8, 16000))), b"IHDR", 0, 16000), "16000x16000"),
        (lambda: claiming(saved(Image.new("L", (8, 8))), b"IHDR", 0, 2**31 - 1), "2147483647x8"),
        (lambda: saved(Image.new("L", (3200, 3200)), "WEBP"), "3200x3200 pixels; at most 10,000,000"),
        (lambda: webp_of(16383, 16383), "16383x16383|broken|no PNG"),
        (lambda: gif_of(saved(Image.new("L", (8, 8)), "GIF"), 16000, 16000), "16000x16000"),
        (lambda: claiming(animation("PNG", [100] * 2), b"IHDR", 0, 600_000), "600000x8 pixels; at most 4,000,000"),
        (lambda: claiming(animation("PNG", [100] * 2), b"acTL", 0, 2**31 - 1), "2147483647 pictures"),
        (lambda: animation("GIF", [100] * 1001, (1, 1)), "1001 pictures"),
        (lambda: gif_of(animation("GIF", [100] * 70), 1900, 2000), "70 pictures of 1900x2000"),
        (lambda: text_bomb(b"zTXt"), "broken"),
        (lambda: text_bomb(b"iCCP"), "broken"),
        (lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (lambda: saved(Image.new("RGB", (8, 8)), "TIFF"), "no PNG"),
        (lambda: b"", "no PNG"),
    ],
    ids=[
        "png", "png-2g", "webp", "webp-claim", "gif", "apng-large", "apng-2g", "gif-long", "gif-both", "ztxt", "iccp",
        "svg", "tiff", "empty",
    ],
)  # fmt: skip
def test_a_monster_is_refused_by_its_header(make: Callable[[], bytes], word: str) -> None:
    content = make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WatermarkInvalid, match=word) as caught, io.BytesIO(content) as file:
        open_image(file, "a.png")
    assert len(caught.value.message) < 300
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def noise(count: int, side: int) -> list[Image.Image]:
    source = random.Random(5)  # noqa: S311 - the same noise in each run
    return [Image.frombytes("RGB", (side, side), source.randbytes(side * side * 3)) for _ in range(count)]


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_an_animation_that_is_cut_off_is_broken(kind: str, share: float) -> None:
    frames = noise(6, 32)
    content = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(WatermarkInvalid, match=r"broken|no PNG"):
        read(content[: int(len(content) * share)])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_still_that_is_cut_off_is_broken(kind: str, share: float) -> None:
    content = saved(noise(1, 64)[0], kind)
    with pytest.raises(WatermarkInvalid, match=r"broken|no PNG"):
        read(content[: int(len(content) * share)])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_no_damage_makes_anything_but_the_one_error(kind: str) -> None:
    frames, outcomes = noise(4, 24), set()
    source = random.Random(7)  # noqa: S311 - the same damage in each run
    content = saved(frames[0], kind, **({} if kind == "JPEG" else {"save_all": True, "append_images": frames[1:]}))
    for _ in range(800):
        damaged = bytearray(content)
        for _ in range(source.randint(1, 5)):
            damaged[source.randrange(min(len(damaged), source.choice((40, 120, 1000, 99_999))))] = source.randrange(256)
        try:
            read(bytes(damaged), (8, 8))
            outcomes.add("read")
        except WatermarkInvalid as error:
            outcomes.add("refused" if len(error.message) < 300 else error.message)
    assert "refused" in outcomes
    assert outcomes <= {"read", "refused"}


def test_an_image_can_be_gone_through_twice() -> None:
    with io.BytesIO(animation("GIF", [100] * 4)) as file, open_image(file, "a.gif") as image:
        first, second = (
            [drawn.image.tobytes() for drawn in pictures(image, "a.gif", lambda natural, _: natural)] for _ in range(2)
        )
    assert first == second


def test_a_transparent_image_is_never_visible_and_an_animation_with_one_picture_to_see_is() -> None:
    with pytest.raises(WatermarkInvalid, match="transparent all over"):
        read(saved(Image.new("RGBA", (8, 8), (255, 0, 0, 0))))
    frames = [Image.new("RGBA", (8, 8), colour) for colour in ((0, 0, 0, 0), RED)]
    assert len(read(saved(frames[0], save_all=True, append_images=frames[1:], duration=100))) == 2


def test_the_limits_of_pillow_that_hold_for_texts_and_profiles_are_in_force() -> None:
    assert PngImagePlugin.MAX_TEXT_CHUNK <= 1 << 20
    assert PngImagePlugin.MAX_TEXT_MEMORY <= 1 << 26
