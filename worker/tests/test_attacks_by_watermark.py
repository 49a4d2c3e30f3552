"""Watermarks that are made to read other files, to call a server, or to take all memory: they get nothing of it."""

import gzip
import io
import json
import re
import shutil
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from worker.errors import WatermarkInvalid, WatermarkNotFound
from worker.tests.canary import SMALL, Canary, run_in_a_process
from worker.tests.hostile import TEXTS
from worker.tests.media import make_clip


def _png(*chunks: tuple[bytes, bytes]) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head, data = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0), zlib.compress((b"\0" + bytes([200]) * 24) * 8)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*part) for part in ((b"IHDR", head), *chunks, (b"IDAT", data), (b"IEND", b""))
    )


def _encoded(image: Image.Image, form: str, **options: bool) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


IMAGES: dict[str, Callable[[str, str], bytes]] = {
    "SVG": TEXTS["SVG"],
    "HTML": TEXTS["HTML"],
    "HLS": TEXTS["HLS"],
    "PostScript": lambda path, _: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(" + path.encode() + b") run\n",
    "MVG": lambda path, _: f"push graphic-context\nimage over 0,0 0,0 '{path}'\n".encode(),
    "PNG 16000x16000": lambda *_: _encoded(Image.new("1", (16000, 16000)), "PNG"),
    "WebP 16384x16384": lambda *_: re.sub(
        rb"/.{4}", b"/\xff\xff\xff\x0f", _encoded(Image.new("RGB", (8, 8)), "WEBP", lossless=True), count=1, flags=re.S
    ),
    "JPEG 30000x30000": lambda *_: _encoded(Image.new("L", (8, 8)), "JPEG").replace(
        b"\x08\x00\x08\x00\x08\x01", b"\x08" + struct.pack(">HH", 30000, 30000) + b"\x01"
    ),
    "zTXt of 200 MB": lambda *_: _png((b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000), 1))),
    "iTXt of 200 MB": lambda *_: _png((b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(200_000_000), 1))),
    "gzip": lambda *_: gzip.compress(bytes(1_000_000)),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_that_is_none_or_too_much(kind: str, canary: Canary) -> None:
    mark = canary.folder / "mark.png"
    mark.write_bytes(IMAGES[kind](str(canary.file), canary.url))
    source = make_clip(canary.folder / "source.mp4", SMALL)
    error, peak = run_in_a_process(source, mark)
    assert error == WatermarkInvalid.exit_code
    assert peak < 150_000  # KB: what is unpacked is no more than an ordinary run takes
    assert canary.requests == []


@pytest.mark.parametrize(
    "name",
    [
        "../canary.png", "../../etc/passwd.png", "/etc/passwd", "/etc/passwd.png", "./a.png", "a//b.png",
        "a/../../b.png", "..\\canary.png", "a\nb.png", "a\0.png", "", "canary.mp4", "logo.svg",
    ],
)  # fmt: skip
def test_an_image_elsewhere(name: str, canary: Canary) -> None:
    inner = canary.folder / "inner"
    inner.mkdir()
    shutil.copy(canary.folder / "logo.png", canary.folder / "canary.png")
    (inner / "mark.json").write_text(json.dumps({"overlays": [{"image": name}]}))
    assert isinstance(canary.attack(canary.file, inner / "mark.json"), WatermarkInvalid)


@pytest.mark.parametrize("name", ["http://{}/a.png", "file:///canary.png", "data:image/png;base64,AAAA.png"])
def test_an_image_at_a_url(name: str, canary: Canary) -> None:
    (canary.folder / "mark.json").write_text(json.dumps({"overlays": [{"image": name.format(canary.url[7:])}]}))
    error = canary.attack(canary.file, canary.folder / "mark.json")
    assert isinstance(error, WatermarkInvalid | WatermarkNotFound)


def test_an_image_that_links_to_a_secret(canary: Canary) -> None:
    """Who runs the worker on files of their own may link them; what is no image is not shown to anyone."""
    (canary.folder / "secret").write_bytes(canary.token)
    (canary.folder / "mark.png").symlink_to(canary.folder / "secret")
    source = make_clip(canary.folder / "source.mp4", SMALL)
    assert isinstance(canary.attack(source, canary.folder / "mark.png"), WatermarkInvalid)


@pytest.mark.parametrize(
    "document",
    [
        "[" * 60_000,
        '{"overlays": ' + "[" * 30_000 + "]" * 30_000 + "}",
        '{"overlays": [' + '{"image": ' * 6_000 + "}" * 6_000 + "]}",
        '{"overlays": [{"image": "logo.png", "width": ' + "9" * 60_000 + "}]}",
        '{"overlays": [{"image": "logo.png", "opacity": 1e999}]}',
        '{"overlays": [{"image": "' + "a" * 60_000 + '.png"}]}',
        '{"overlays": [' + ",".join(['{"image": "logo.png"}'] * 2000) + "]}",
        '{"overlays": [{"image": "logo.png", "__class__": "os.system", "{0.__init__}": "%n%s"}]}',
    ],
    ids=["open", "nested", "objects", "digits", "infinity", "name", "many", "fields"],
)
def test_a_monstrous_document(document: str, canary: Canary) -> None:
    (canary.folder / "mark.json").write_text(document)
    error = canary.attack(canary.file, canary.folder / "mark.json")
    assert isinstance(error, WatermarkInvalid)
    assert len(error.message) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "':%{{pts}}\\\\,[0]; movie={file} %n %{{e:1/0}}",
        "textfile={file}:expansion=normal",
        "file://{file}",
        "{url}/a.png",
        "<img src='{url}/a.png'/>",
        "%{{metadata:title}} %{{eif:1:d}} %05d $(cat {file}) `cat {file}`",
    ],
)
def test_a_text_that_is_more_than_that_to_ffmpeg(text: str, canary: Canary) -> None:
    document = {"overlays": [{"text": text.format(file=canary.file.name, url=canary.url), "size": 4}]}
    (canary.folder / "mark.json").write_text(json.dumps(document))
    source = make_clip(canary.folder / "source.mp4", SMALL)
    assert canary.attack(source, canary.folder / "mark.json") is None
