"""What is in a movie: everything the engine needs to know before it writes a byte."""

import struct
from dataclasses import dataclass, field
from fractions import Fraction
from typing import BinaryIO

import av
import av.error
from av import VideoFrame
from av.codec.context import ThreadType
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from worker.engine.colour import FULL_RANGE, MATRIX_RGB, UNCOMMON_MATRICES, Colour
from worker.engine.geometry import IDENTITY_MATRIX, Picture, orientation_of
from worker.engine.hdr import LightLevel, Mastering, dolby_base
from worker.engine.hevc import frames_held
from worker.engine.planes import even
from worker.engine.source import as_fraction, open_movie
from worker.errors import CorruptInput, NoVideoStream, UnsupportedInput

MAX_SIDE = 8192
MAX_PIXELS = 36_000_000  # 8192x4320 has 35.4 million
BOTTOM_SHOWN_FIRST = (3, 4)  # FFmpeg's AV_FIELD_BB and AV_FIELD_TB
CODECS = ("h264", "hevc", "av1", "vp9", "mpeg4", "mpeg2video", "prores", "dnxhd", "mjpeg")


@dataclass(frozen=True)
class Probe:
    """A movie's picture and what lies around it.

    Attributes:
        stream: Index of the video stream that gets the watermark.
        picture: Size, pixel aspect and orientation.
        matrix: The display matrix as in the file, nine integers, or None.
        codec: FFmpeg's name of what it is coded as.
        depth: Bits of a sample in the result, 8 or 10.
        full_range: Whether its samples use the full range.
        mastering, light_level: What an HDR video says of itself, or None.
        time_base: Seconds per tick of the video's timestamps.
        rate: Average frames per second, for rate control only; timestamps are what is kept.
        frames: Frames by the index, without those that an edit list hides; 0 if the file does not say (fragmented).
        start: Seconds on the file's clock that players call 0.
        duration: Seconds, of the longest stream.
        packets: How many the index lists, of all streams together; of a fragmented file just those of its first part.
        bit_rate: Bits per second of the video stream, 0 if unknown.
        interlaced: Whether the first frame is.
        bottom_first: Whether of its fields the lower one is shown first.
        reference_frames: How many earlier frames the decoder keeps, as the file says of H.264 and HEVC; else 0.
        notes: Sentences for the job record about what will not be as in the source.
    """

    stream: int
    picture: Picture
    matrix: tuple[int, ...] | None
    codec: str
    depth: int
    full_range: bool
    colour: Colour
    time_base: Fraction
    rate: Fraction
    frames: int
    start: Fraction
    duration: float
    bit_rate: int
    interlaced: bool
    bottom_first: bool
    has_sample_aspect_ratio: bool
    mastering: Mastering | None = None
    light_level: LightLevel | None = None
    reference_frames: int = 0
    packets: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def light_boxes(self) -> bytes:
        """What an HDR video says of itself, as boxes of a sample entry."""
        return b"".join(said.box() for said in (self.mastering, self.light_level) if said)


def probe(file: BinaryIO) -> Probe:
    """Return what is in a movie; the first frame is decoded.

    Raises:
        NoVideoStream, CorruptInput, UnsupportedInput
    """
    with open_movie(file) as movie:
        stream = main_video(movie)
        _refuse_what_is_not_handled(stream)
        prepare_decoder(stream)
        first = _first_frame(movie, stream)
        return _describe(movie, stream, first)


def main_video(movie: InputContainer) -> VideoStream:
    """Return the stream that gets the watermark: the first video stream that is no cover picture."""
    for stream in movie.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise NoVideoStream(
        "The file has sound but no video stream." if movie.streams.audio else "The file has no video stream."
    )


def prepare_decoder(stream: VideoStream, threads: int = 1) -> None:
    """Set limits and threads of a video decoder before its first packet.

    Args:
        threads: Beside an encoder one is best: 6–12 % less CPU and 100 MB less than one per core, as measured.
    """
    stream.codec_context.thread_type = ThreadType.AUTO if threads > 1 else ThreadType.NONE
    stream.codec_context.thread_count = threads
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}


def indexed_packets(stream: Stream) -> tuple[int, int]:
    """Return the numbers of packets that the file's index lists, and of those among them that are to be shown."""
    shown = total = 0
    for entry in stream.index_entries:
        total += 1
        shown += not entry.is_discard
    return total, shown


def _refuse_what_is_not_handled(stream: VideoStream) -> None:
    context = stream.codec_context
    if context is None:  # PyAV's stubs do not say so: a codec that FFmpeg does not know
        raise UnsupportedInput("The video codec is unknown.")
    if _codec_tag(context) == "encv" or "encryption_init_info" in context.coded_side_data:
        raise UnsupportedInput("The video is encrypted (DRM).", "Use the video without copy protection.")
    name = context.codec.canonical_name
    if name not in CODECS:
        raise UnsupportedInput(f"The video codec is {name}, which is not handled.")
    if stream.width > MAX_SIDE or stream.height > MAX_SIDE or stream.width * stream.height > MAX_PIXELS:
        raise UnsupportedInput(
            f"The picture has {stream.width}x{stream.height} pixels; 8K (8192x4320) is the largest.",
            "Scale the video down first.",
        )
    dolby = context.coded_side_data.get("dovi_conf")
    if dolby is not None and dolby_base(dolby) is None:
        raise UnsupportedInput(
            "The video is Dolby Vision without a base layer that other players show (profile 5).",
            "Record or export it as HDR10, HLG or SDR.",
        )


def _codec_tag(context: VideoCodecContext) -> str:
    try:
        return context.codec_tag
    except UnicodeDecodeError:  # four bytes of a file can be anything
        return ""


def _first_frame(movie: InputContainer, stream: VideoStream) -> VideoFrame:
    try:
        for packet in movie.demux(stream):
            if packet.has_sidedata("encryption_info"):
                raise UnsupportedInput("The video is encrypted (DRM).", "Use the video without copy protection.")
            try:
                frames = packet.decode()
            except av.error.InvalidDataError as error:
                if not stream.codec_context.is_open:
                    raise CorruptInput("What the file tells the decoder of its video is damaged.") from error
                continue  # damage at the start: the encoder's accounting decides whether it is too much
            if frames:
                return frames[0]
    except av.error.FFmpegError as error:
        raise CorruptInput(f"No frame of the video can be decoded: {error.strerror}.") from error
    raise CorruptInput("No frame of the video can be decoded.")


def _describe(movie: InputContainer, stream: VideoStream, first: VideoFrame) -> Probe:
    colour = Colour(first.colorspace, first.color_range, first.color_primaries, first.color_trc)
    _refuse_uncommon_colours(first, colour)
    depth = _depth(first, colour)
    matrix = _display_matrix(stream, first)
    aspect = as_fraction(stream.sample_aspect_ratio)
    mastering = first.side_data.get("MASTERING_DISPLAY_METADATA")
    light_level = first.side_data.get("CONTENT_LIGHT_LEVEL")
    return Probe(
        stream=stream.index,
        picture=Picture(first.width, first.height, aspect if aspect > 0 else Fraction(1), orientation_of(matrix)),
        matrix=matrix,
        codec=stream.codec_context.codec.canonical_name,
        depth=depth,
        full_range=first.format.name.startswith("yuvj") or colour.range == FULL_RANGE,
        colour=colour,
        time_base=as_fraction(stream.time_base),
        rate=as_fraction(stream.guessed_rate) or as_fraction(stream.average_rate) or Fraction(25),
        frames=indexed_packets(stream)[1] if stream.frames else 0,
        start=_start(movie),
        duration=(movie.duration or 0) / av.time_base,
        bit_rate=stream.bit_rate or 0,
        interlaced=first.interlaced_frame,
        bottom_first=stream.codec_context.field_order in BOTTOM_SHOWN_FIRST,
        has_sample_aspect_ratio=aspect > 0,
        mastering=Mastering.from_side_data(bytes(mastering)) if mastering else None,
        light_level=LightLevel.from_side_data(bytes(light_level)) if light_level else None,
        reference_frames=_reference_frames(stream.codec_context),
        packets=sum(len(each.index_entries) for each in movie.streams),
        notes=_notes(stream, first, depth),
    )


def _reference_frames(context: VideoCodecContext) -> int:
    match context.codec.canonical_name:
        case "h264":
            return context.refs
        case "hevc":  # of which FFmpeg's decoder does not tell
            return frames_held(context.extradata or b"")
    return 0


def _start(movie: InputContainer) -> Fraction:
    # The movie says it in whole microseconds, the stream that begins there exactly: its first frame would else come
    # before the time 0 that it defines, and before a mark that starts there.
    rounded = Fraction(movie.start_time or 0, av.time_base)
    starts = [
        stream.start_time * as_fraction(stream.time_base) for stream in movie.streams if stream.start_time is not None
    ]
    return min((start for start in starts if abs(start - rounded) < Fraction(1, av.time_base)), default=rounded)


def _refuse_uncommon_colours(first: VideoFrame, colour: Colour) -> None:
    grey = first.format.name.startswith("gray")
    if first.format.is_rgb or (colour.matrix == MATRIX_RGB and not grey):
        raise UnsupportedInput("The video is coded as RGB, which is not handled.")
    if colour.matrix in UNCOMMON_MATRICES and not grey:
        raise UnsupportedInput(f"The video's colours are coded as {UNCOMMON_MATRICES[colour.matrix]}, not as Y'CbCr.")


def _depth(first: VideoFrame, colour: Colour) -> int:
    if colour.is_hdr:
        return 10
    # Fields of 10 bits are shown by few players, and HEVC has no coding of them worth the name.
    deep = first.format.components[0].bits > 8 and not first.interlaced_frame
    return 10 if deep else 8


def _notes(stream: VideoStream, first: VideoFrame, depth: int) -> list[str]:
    notes = []
    name = first.format.name
    if name not in ("yuv420p", "yuvj420p", "yuv420p10le"):
        notes.append(f"The picture was coded as {name} and is now {depth}-bit 4:2:0, which players show.")
    elif depth < first.format.components[0].bits:
        notes.append("The picture was coded with 10 bits and now has 8: few players show interlaced 10-bit video.")
    if any(component.is_alpha for component in first.format.components):
        notes.append("The transparency of the picture was left out.")
    if first.width % 2 or first.height % 2:
        grown = [name for name, length in (("column", first.width), ("line", first.height)) if length % 2]
        notes.append(
            f"The size of {first.width}x{first.height} is odd, which 4:2:0 cannot code: it grew by one repeated "
            f"{' and one '.join(grown)} to {even(first.width)}x{even(first.height)}."
        )
    if depth > 8 and first.interlaced_frame:
        notes.append("The picture is interlaced HDR and now coded in whole frames: HEVC keeps no fields.")
    dolby = stream.codec_context.coded_side_data.get("dovi_conf")
    if dolby is not None:
        notes.append(
            f"The enhancement of Dolby Vision was left out: the picture is its {dolby_base(dolby)} base layer."
        )
    if "DYNAMIC_HDR_PLUS" in first.side_data:
        notes.append("The HDR10+ metadata of each scene was left out: the picture is HDR10.")
    return notes


def _display_matrix(stream: VideoStream, first: VideoFrame) -> tuple[int, ...] | None:
    data = stream.codec_context.coded_side_data.get("display_matrix")
    if data is None and "DISPLAYMATRIX" in first.side_data:
        data = bytes(first.side_data["DISPLAYMATRIX"])
    matrix = struct.unpack("=9i", data) if data is not None else IDENTITY_MATRIX
    return matrix if matrix != IDENTITY_MATRIX else None
