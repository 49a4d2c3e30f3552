"""Texts and movies whose only content is the name of another file or server."""

import struct
from collections.abc import Callable

from worker.tests.boxes import Box


def _dash(url: str) -> str:
    return f"""<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="urn:mpeg:dash:profile:full:2011">
<Period duration="PT1S"><AdaptationSet mimeType="video/mp4">
<Representation id="1" bandwidth="1"><BaseURL>{url}</BaseURL></Representation>
</AdaptationSet></Period></MPD>"""


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


def _reference_movie(url: bytes) -> Box:
    """QuickTime File Format, "Reference movies"."""
    reference = Box("rdrf", bytes(4) + b"url " + struct.pack(">I", len(url) + 1) + url + b"\0")
    return Box("moov", children=[Box("rmra", children=[Box("rmda", children=[reference])])])


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
