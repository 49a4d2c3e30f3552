"""Files that are made to read other files, to call a server, or to take all memory: they get nothing of it.

The proof is a canary: a file with a random token, and a server that writes down every request.
"""

import gzip
import io
import json
import re
import secrets
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from PIL import Image

from worker.errors import (
    CorruptInput,
    NoVideoStream,
    UnsupportedInput,
    WatermarkError,
    WatermarkInvalid,
    WatermarkNotFound,
)
from worker.local import run_local
from worker.tests.boxes import Box, edit_moov
from worker.tests.media import Clip, frames_of, make_clip, make_logo

SMALL = Clip(64, 48, seconds=0.2, languages=(), movflags="+disable_chpl")  # the index at its end, where it may grow


@dataclass
class Canary:
    """What must not be touched.

    Attributes:
        folder: Of the attack; the canary lies in it.
        url: Of the server.
        requests: What the server was asked for.
    """

    folder: Path
    url: str
    token: bytes = field(default_factory=lambda: secrets.token_hex(16).encode())
    requests: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "canary.mp4"

    def attack(self, source: Path, watermark: Path) -> WatermarkError | None:
        """Run the worker on hostile files and return its error, if it had one; it gave nothing away in any case."""
        output = self.folder / "out" / "out.mp4"
        output.parent.mkdir(exist_ok=True)
        error, told = None, ""
        try:
            told = str(run_local(source, output, watermark, lambda *_: None))
        except WatermarkError as caught:
            error, told = caught, "\n".join([caught.message, caught.hint, *getattr(caught, "__notes__", [])])
        assert self.requests == []
        assert self.token.decode() not in told
        if error:
            assert list(output.parent.iterdir()) == []
        else:
            assert [path.name for path in output.parent.iterdir()] == ["out.mp4"]
            assert self.token not in output.read_bytes()
        return error


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Canary]:
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_error(404)

        do_HEAD = do_POST = do_PUT = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    canary = Canary(tmp_path, f"http://127.0.0.1:{server.server_port}", requests=requests)
    # A video that could be played, and says its token in the title and behind its end.
    make_clip(canary.file, Clip(64, 48, seconds=0.2, metadata={"title": canary.token.decode()}))
    canary.file.write_bytes(canary.file.read_bytes() + canary.token)
    make_logo(tmp_path / "logo.png", (16, 16))
    yield canary
    server.shutdown()
    server.server_close()


def _dash(url: str) -> str:
    return f"""<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="urn:mpeg:dash:profile:full:2011">
<Period duration="PT1S"><AdaptationSet mimeType="video/mp4">
<Representation id="1" bandwidth="1"><BaseURL>{url}</BaseURL></Representation>
</AdaptationSet></Period></MPD>"""


def _svg(path: str, url: str) -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/><image href="{path}"/></svg>'.encode()


def _avi_with_gab2(url: str) -> bytes:
    """An AVI whose subtitle track is a playlist: FFmpeg's avi demuxer once gave that to whatever demuxer it fits."""
    playlist = f"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n".encode()
    gab2 = b"GAB2\0\2\0" + struct.pack("<I", 2) + b"a\0" + struct.pack("<HI", 4, len(playlist)) + playlist

    def chunk(kind: bytes, content: bytes) -> bytes:
        return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)

    header = struct.pack("<14I", 40000, 0, 0, 0x10, 1, 0, 1, 0, 64, 48, 0, 0, 0, 0)
    stream = b"txts" + bytes(44)
    listed = chunk(b"LIST", b"strl" + chunk(b"strh", stream) + chunk(b"strf", b""))
    content = chunk(b"LIST", b"hdrl" + chunk(b"avih", header) + listed) + chunk(b"LIST", b"movi" + chunk(b"00sb", gab2))
    return b"RIFF" + struct.pack("<I", len(content) + 4) + b"AVI " + content


TEXTS: dict[str, Callable[[str, str], bytes]] = {
    "HLS": lambda path, _: f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n".encode(),
    "HLS-http": lambda _, url: f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}/a.ts\n#EXT-X-ENDLIST\n".encode(),
    "HLS-concat": lambda path, url: f"#EXTM3U\n#EXTINF:1,\nconcat:{url}/?|file://{path}\n#EXT-X-ENDLIST\n".encode(),
    "DASH": lambda path, _: _dash(path).encode(),
    "DASH-http": lambda _, url: _dash(url + "/a.mp4").encode(),
    "ffconcat": lambda path, _: f"ffconcat version 1.0\nfile '{path}'\n".encode(),
    "ffconcat-relative": lambda *_: b"ffconcat version 1.0\nfile canary.mp4\n",
    "ffconcat-http": lambda _, url: f"ffconcat version 1.0\nfile '{url}/a.mp4'\n".encode(),
    "ffmetadata": lambda path, _: f";FFMETADATA1\ntitle={path}\n".encode(),
    "SDP": lambda *_: b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "HTML": lambda _, url: f'<!DOCTYPE html><video src="{url}/a.mp4"><iframe src="{url}">'.encode(),
    "SVG": lambda path, url: (
        f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/><image href="{path}"/></svg>'.encode()
    ),
    "AVI with GAB2": lambda path, _: _avi_with_gab2(path),
    "AVI with GAB2-http": lambda _, url: _avi_with_gab2(url),
    "playlist behind ftyp": lambda path, url: b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + f"#EXTM3U\n{url}\n{path}\n".encode(),
    "reference movie": lambda path, url: bytes(_reference_movie(path.encode())) + bytes(_reference_movie(url.encode())),
    "reference movie in the first box": lambda _, url: bytes(_reference_movie(url.encode())),
}


def _reference_movie(url: bytes) -> Box:
    """QuickTime File Format, "Reference movies"."""
    reference = Box("rdrf", bytes(4) + b"url " + struct.pack(">I", len(url) + 1) + url + b"\0")
    return Box("moov", children=[Box("rmra", children=[Box("rmda", children=[reference])])])


@pytest.mark.parametrize("kind", TEXTS)
def test_a_file_that_names_others(kind: str, canary: Canary) -> None:
    source = canary.folder / "source.mp4"
    source.write_bytes(TEXTS[kind](str(canary.file), canary.url))
    error = canary.attack(source, canary.folder / "logo.png")
    assert isinstance(error, CorruptInput | UnsupportedInput | NoVideoStream)


def _alias(path: Path) -> bytes:
    """A Macintosh alias record with the path as FFmpeg reads it: types 2 (absolute) and 18 (POSIX)."""
    name, where = path.name.encode(), str(path).encode()
    head = bytes(4) + struct.pack(">HHH", 0, 2, 0) + bytes([4]) + b"disk".ljust(27, b"\0") + bytes(12)
    head += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16) + struct.pack(">hh", 1, 1) + bytes(16)
    parts = b"".join(
        struct.pack(">hH", kind, len(text)) + text + b"\0" * (len(text) % 2)
        for kind, text in ((0, path.parent.name.encode()), (2, b"disk:" + where.replace(b"/", b":")), (18, where))
    )
    return head + parts + struct.pack(">hH", -1, 0)


@pytest.mark.parametrize("kind", ["url-file", "url-http", "urn", "alias"])
def test_data_references_to_other_files(kind: str, canary: Canary) -> None:
    """The samples are said to lie elsewhere: what is marked is what lies in the file itself, if anything."""
    reference = {
        "url-file": Box("url ", bytes(4) + f"file://{canary.file}".encode() + b"\0"),
        "url-http": Box("url ", bytes(4) + f"{canary.url}/a.mp4".encode() + b"\0"),
        "urn": Box("urn ", bytes(4) + b"canary\0" + f"{canary.url}/a.mp4".encode() + b"\0"),
        "alias": Box("alis", _alias(canary.file)),
    }[kind]

    def change(moov: Box) -> None:
        (dref,) = moov.all("trak", "mdia", "minf", "dinf", "dref")
        dref.payload = bytes(4) + (1).to_bytes(4) + bytes(reference)

    source = edit_moov(make_clip(canary.folder / "source.mp4", SMALL), change)
    error = canary.attack(source, canary.folder / "logo.png")
    assert error is None or isinstance(error, CorruptInput)


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
    error, peak = _in_a_process(source, mark)
    assert error == WatermarkInvalid.exit_code
    assert peak < 150_000  # KB: what is unpacked is no more than an ordinary run takes
    assert canary.requests == []


# Peak memory is inherited at a start: something small has to stand between this process and what is measured.
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def _in_a_process(source: Path, watermark: Path, *tracer: str) -> tuple[int, int]:
    """Run `video-worker local`; return its exit code and the most KB that a process of it had in memory."""
    files = [str(source), str(source.parent / "processed.mp4"), "--watermark", str(watermark)]
    command = [sys.executable, "-c", MEASURE, *tracer, sys.executable, "-m", "worker", "local", *files]
    code, peak = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.split()
    return int(code), int(peak)


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


def test_names_that_mean_something_to_ffmpeg(canary: Canary) -> None:
    """To FFmpeg's command line these are protocols, escapes, patterns of names, and the syntax of filters."""
    folder = canary.folder / "file:a'b[0]\\,;=%{pts}%n%05d|concat:"
    folder.mkdir()
    source = make_clip(canary.folder / "source.mp4", SMALL).rename(folder / "http:%d'in\\.mp4")
    mark = Path(shutil.copy(canary.folder / "logo.png", folder / "pipe:0%n'.png"))
    (folder / "mark'.json").write_text(json.dumps({"overlays": [{"image": "pipe:0%n'.png"}]}))
    for watermark in (mark, folder / "mark'.json"):
        output = folder / "-i tcp:'%n.mp4"
        assert run_local(source, output, watermark, lambda *_: None).frames == 5
        assert len(list(frames_of(output.rename(canary.folder / "plain.mp4")))) == 5


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


def _can_trace() -> bool:
    return (
        bool(shutil.which("strace"))
        and subprocess.run(["strace", "-o", "/dev/null", "true"], check=False).returncode == 0
    )


@pytest.mark.skipif(not _can_trace(), reason="strace is not installed or may not trace here")
@pytest.mark.parametrize("kind", ["ordinary", "data reference", "HLS", "damaged"])
def test_the_engine_opens_nothing_once_it_looks_at_a_file(kind: str, canary: Canary) -> None:
    """From the filter on, which comes before the first byte of the file is read, the engine's calls are counted."""
    source = make_clip(canary.folder / "source.mp4", SMALL)
    if kind == "data reference":
        url = f"{canary.url}/a.mp4".encode()
        edit_moov(source, lambda moov: _replace_reference(moov, Box("url ", bytes(4) + url + b"\0")))
    elif kind == "HLS":
        source.write_bytes(TEXTS["HLS"](str(canary.file), canary.url))
    elif kind == "damaged":
        source.write_bytes(source.read_bytes()[:-300])
    calls = "%file,%network,%process,read,pread64,seccomp"
    prefix = canary.folder / "trace"
    _in_a_process(source, canary.folder / "logo.png", "strace", "-ff", "-o", str(prefix), "-e", f"trace={calls}")
    worker, engine, *threads = _traces(prefix)
    descriptor = _descriptor_of_source(worker, source)
    reads = [at for at, call in enumerate(engine) if call.startswith((f"read({descriptor},", f"pread64({descriptor},"))]
    (filtered,) = (at for at, call in enumerate(engine) if call.startswith("seccomp("))
    assert reads
    assert reads[0] > filtered
    harmless = re.compile(
        r'newfstatat\(\d+, "", .*|.* = -1 (EPERM|ENOSYS) .*|clone\(.*CLONE_THREAD.*|(read|pread64|exit|exit_group)\(.*'
        r"|[+-]{3} .*"  # ends and signals
    )
    for calls_made in (engine[filtered + 1 :], *threads):
        assert [call for call in calls_made if not harmless.fullmatch(call)] == []
    assert canary.requests == []


def _replace_reference(moov: Box, reference: Box) -> None:
    moov.one("trak", "mdia", "minf", "dinf", "dref").payload = bytes(4) + (1).to_bytes(4) + bytes(reference)


def _traces(prefix: Path) -> list[list[str]]:
    """Return the calls of each thread, first those of the worker, then of the engine."""
    traces = [path.read_text(errors="replace").splitlines() for path in prefix.parent.glob(f"{prefix.name}.*")]

    def place(calls: list[str]) -> int:
        started = [call for call in calls if call.startswith("execve(")]
        return 2 if not started else 1 if "worker.engine" in started[0] else 0

    return sorted(traces, key=place)


def _descriptor_of_source(calls: list[str], source: Path) -> str:
    opened = re.compile(rf'openat\(AT_FDCWD, "{re.escape(str(source))}", .* = (\d+)')
    return next(match[1] for call in calls if (match := opened.fullmatch(call)))
