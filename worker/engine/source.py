"""Opening an untrusted movie file: one demuxer, one file object, a clear sentence for all that is no movie."""

import os
from fractions import Fraction
from typing import BinaryIO

import av
import av.error
from av.container import InputContainer
from av.rational import AVRational

from worker.engine.claims import refuse_what_would_be_misread
from worker.errors import CorruptInput, UnsupportedInput

READ_BYTES = 1 << 20  # one call from C into Python for each; at 32 KB, the default, they cost several per cent

# Types of the first box of files that the mov demuxer reads: ISO/IEC 14496-12 and QuickTime.
_FIRST_BOXES = (b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid", b"moof", b"sidx")

_NO_VIDEO = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"ID3", "an MP3 file"),
    (b"#EXTM3U", "a playlist"),
    (b"ffconcat", "a playlist"),
    (b"<", "a text of markup such as HTML or XML"),
)
_OTHER_CONTAINERS = (
    (b"\x1aE\xdf\xa3", "a Matroska or WebM file"),
    (b"RIFF", "an AVI or WAV file"),
    (b"FLV\x01", "a Flash video"),
    (b"OggS", "an Ogg file"),
    (b"\x00\x00\x01\xba", "an MPEG program stream"),
    (b"\x30\x26\xb2\x75", "a Windows Media file"),
)


def as_fraction(rational: AVRational) -> Fraction:
    """Return FFmpeg's rational number as Python's; 0 if it is undefined."""
    return Fraction(rational.numerator, rational.denominator) if rational.denominator else Fraction(0)


def open_movie(file: BinaryIO) -> InputContainer:
    """Return the opened mp4 or mov file. The caller closes it.

    Nothing but this one file object is ever read: the demuxer is fixed, so that a playlist or script in disguise is not
    followed; references to data in other files stay off; and what tries to open something else all the same is refused.

    Raises:
        CorruptInput: Empty, not a movie, damaged, or without its index.
        UnsupportedInput: A movie in another container.
    """
    _refuse_what_is_no_movie(file)
    refuse_what_would_be_misread(file, file.seek(0, os.SEEK_END))
    file.seek(0)
    try:
        return av.open(
            file,
            "r",
            format="mov",
            options={"enable_drefs": "0", "use_absolute_path": "0", "protocol_whitelist": ""},
            buffer_size=READ_BYTES,
            io_open=_refuse_to_open,
        )
    except av.error.FFmpegError as error:
        if "moov" in _last_log(error):
            raise CorruptInput(
                "The file has no index (moov atom): the recording or a transfer was cut off.",
                "Finish or repair the recording, or transfer it again, until it plays.",
            ) from error
        raise CorruptInput(f"The file cannot be read as a video: {error.strerror}.") from error


def _refuse_what_is_no_movie(file: BinaryIO) -> None:
    file.seek(0)
    head = file.read(512)
    if not head:
        raise CorruptInput("The file is empty (0 bytes).", "Use a whole copy of the video.")
    if head[4:8] in _FIRST_BOXES:
        return
    for magic, name in _OTHER_CONTAINERS:
        if head.startswith(magic):
            raise UnsupportedInput(f"The file is {name}, not an MP4 or MOV file.", "Convert it to MP4 first.")
    for magic, name in _NO_VIDEO:
        if head.lstrip().startswith(magic):
            raise CorruptInput(f"The file is {name}, not a video.", "Use the video itself.")
    if _is_text(head):
        raise CorruptInput("The file is a text, not a video.", "Use the video itself.")
    raise CorruptInput("The file does not begin like an MP4 or MOV file.")


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", errors="ignore")
    except ValueError:
        return False
    printable = sum(character.isprintable() or character in "\r\n\t" for character in text)
    return len(text) >= len(head) * 0.9 and printable >= len(text) * 0.95


def _refuse_to_open(url: str, *_: object) -> object:
    raise PermissionError(f"an input may not open another file: {url!r}")


def _last_log(error: av.error.FFmpegError) -> str:
    return " ".join(str(part) for part in (error.log or ())) + str(error)
