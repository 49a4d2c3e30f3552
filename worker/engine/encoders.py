"""What the picture is coded as, and an encoder with the source's size, clock, colours and orientation.

8 bits become H.264 High, 10 bits and HDR become HEVC Main 10, and either becomes AV1 where the profile asks for it: all
4:2:0, which is what players have in common.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from av import Packet
from av.codec.context import Flags
from av.container import OutputContainer
from av.video.stream import VideoStream

from worker.engine import svtav1
from worker.engine.levels import Level, level_for
from worker.engine.planes import even
from worker.engine.probe import Probe
from worker.engine.profiles import SMALL_BLOCKS, Effort, Profile
from worker.errors import UnsupportedInput

MIN_MAX_RATE = 500_000  # bits per second: below, a cap would harm the picture and save nothing worth having
SVTAV1_MAX_RATE = 100_000_000  # it refuses a cap beyond
MIN_SIDE = 16  # x265 refuses less than 8, and SVT-AV1's pictures of less than 16 are wrong
MAX_GROWTH = 1.5  # of bits per second
_PREDICTING = {"h264", "hevc", "vp9", "av1"}
# Bits that a codec needs for a picture, as a share of what H.264 needs: a source in HEVC warrants more bits of H.264.
_BITS = {"hevc": 0.65, "vp9": 0.7, "av1": 0.5}


@dataclass(frozen=True)
class Coding:
    """What the picture is coded as.

    Attributes:
        codec: h264, hevc or av1.
        encoder: FFmpeg's name of it.
        threads: One for each CPU. Up to one CPU, a single thread saves 6–12 % of the time and some 100 MB, and keeps
            1080p within a task of 512 MB.
        pixel_format: What the encoder is fed with.
        notes: Sentences for the job record.
    """

    codec: str
    encoder: str
    effort: Effort
    threads: int
    pixel_format: str
    notes: tuple[str, ...] = ()


def choose_coding(probed: Probe, profile: Profile, cpus: float) -> Coding:
    """Return what a picture is coded as, on a machine or in a container with so many CPUs.

    Raises:
        UnsupportedInput: The picture is too small for that.
    """
    coding = _choose_coding(probed, profile, cpus)
    picture = probed.picture
    if coding.codec != "h264" and min(picture.width, picture.height) < MIN_SIDE:
        raise UnsupportedInput(
            f"The picture has {picture.width}x{picture.height} pixels; "
            f"{MIN_SIDE}x{MIN_SIDE} is the smallest that HEVC and AV1 are written with."
        )
    return coding


def _choose_coding(probed: Probe, profile: Profile, cpus: float) -> Coding:
    deep, threads = probed.depth > 8, max(1, ceil(cpus))
    notes: tuple[str, ...] = ()
    if profile.av1:
        if not probed.interlaced:
            return Coding("av1", "libsvtav1", profile.av1, threads, "yuv420p10le" if deep else "yuv420p")
        notes = ("AV1 has no interlaced pictures: another codec was taken.",)
    if deep:
        return Coding("hevc", "libx265", profile.hevc, threads, "yuv420p10le", notes)
    effort = _effort_of_h264(probed, profile)
    return Coding("h264", "libx264", effort, threads, "yuvj420p" if probed.full_range else "yuv420p", notes)


def add_encoder(output: OutputContainer, source: VideoStream, probed: Probe, coding: Coding) -> VideoStream:
    """Add the picture's stream to the result.

    All is set before the first packet of any stream is written, which opens the encoder.
    """
    if coding.encoder == "libsvtav1":
        svtav1.be_considerate()
    stream = output.add_stream(coding.encoder, rate=probed.rate, options=encoder_options(probed, coding))
    assert isinstance(stream, VideoStream)  # noqa: S101 - for the type checker
    context = stream.codec_context
    if coding.codec == "hevc":
        context.codec_tag = "hvc1"  # parameter sets beside the stream: the only form that Apple's players take
    context.width, context.height = even(probed.picture.width), even(probed.picture.height)
    context.pix_fmt = coding.pixel_format
    context.time_base = probed.time_base
    if probed.has_sample_aspect_ratio:
        context.sample_aspect_ratio = probed.picture.sample_aspect_ratio
    context.colorspace, context.color_range = probed.colour.matrix, probed.colour.range
    context.color_primaries, context.color_trc = probed.colour.primaries, probed.colour.transfer
    context.chroma_sample_location = source.codec_context.chroma_sample_location
    context.flags |= Flags.frame_duration  # or the last frame of a variable rate is cut short
    if probed.interlaced and coding.codec == "h264":
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
    if probed.matrix is not None:
        stream.set_display_matrix(probed.matrix)
    return stream


def encoder_options(probed: Probe, coding: Coding) -> dict[str, str]:
    """Return FFmpeg's options for the encoder."""
    effort = coding.effort
    rate = _max_rate(probed, coding)
    options = {"preset": effort.preset, "crf": f"{effort.crf:g}"}
    if rate:
        options |= {"maxrate": str(rate), "bufsize": str(_buffer_size(probed, coding, rate))}
    match coding.encoder:
        case "libx264":
            options |= _x264_options(coding, probed)
        case "libx265":
            options["x265-params"] = _joined(_x265_parameters(coding, probed, rate))
        case "libsvtav1":
            options["svtav1-params"] = _joined(_svtav1_parameters(coding, probed))
    return options


def last_packets(encoder: VideoStream, frames: int) -> list["Packet[VideoStream]"]:
    """Return what the encoder has not yet given out of so many frames.

    x265 works out decoding times from the frames' order, which takes three of them: for fewer, none of which it can
    have reordered, it returns what its memory holds by chance.
    """
    packets = encoder.encode(None)
    if frames < 3:
        for packet in packets:
            packet.dts = packet.pts
    return packets


def _effort_of_h264(probed: Probe, profile: Profile) -> Effort:
    """Return the settings for how much of the source is noise or fine texture, which its bits for each pixel tell.

    Codecs that never predict a frame from others have many for another reason.
    """
    if probed.codec in _PREDICTING:
        warranted = probed.bit_rate / _BITS.get(probed.codec, 1.0)
        pixels = probed.picture.width * probed.picture.height * probed.rate
        for bits_per_pixel, effort in profile.h264_of_detail:
            if warranted > bits_per_pixel * pixels:
                return effort
    return profile.h264


def _max_rate(probed: Probe, coding: Coding) -> int:
    """Return 1.5 times the bits per second that the source warrants, as far as the encoder takes them; 0: no limit."""
    if not probed.bit_rate:
        return 0
    warranted = probed.bit_rate * max(1.0, _BITS.get(coding.codec, 1.0) / _BITS.get(probed.codec, 1.0))
    rate = max(int(warranted * MAX_GROWTH), MIN_MAX_RATE)
    if coding.encoder == "libsvtav1":
        return min(rate, SVTAV1_MAX_RATE)
    return min(rate, _level(probed, coding, rate).rate)


def _buffer_size(probed: Probe, coding: Coding, rate: int) -> int:
    """Return the bits that the encoder may put off: at the beginning they come on top of the rate.

    The buffer is long: a picture on which many others rest may cost what these save. In a short one it is those that
    suffer, and with them all others. But it asks no more of a decoder than size and rate do already.
    """
    size = int(rate * min(max(1.0, probed.duration / 2), 10.0))
    return size if coding.encoder == "libsvtav1" else min(size, _level(probed, coding, rate).buffer)


def _level(probed: Probe, coding: Coding, rate: int) -> Level:
    return level_for(coding.codec, even(probed.picture.width), even(probed.picture.height), probed.rate, rate)


def _x264_options(coding: Coding, probed: Probe) -> dict[str, str]:
    options = {"profile": "high", "rc-lookahead": str(coding.effort.lookahead), "threads": str(coding.threads)}
    parameters = dict(coding.effort.parameters)
    if probed.interlaced and probed.bottom_first:
        parameters["bff"] = "1"
    if parameters:
        options["x264-params"] = _joined(parameters)
    return options


def _x265_parameters(coding: Coding, probed: Probe, rate: int) -> Mapping[str, object]:
    one = coding.threads == 1
    parameters: dict[str, object] = {
        "log-level": "none",
        "pools": "none" if one else str(coding.threads),
        "frame-threads": "1",  # each more holds some frames of its own
        "wpp": "0" if one else "1",
        "rc-lookahead": str(coding.effort.lookahead),
        "open-gop": "0",
        **coding.effort.parameters,
    }
    if parameters.get("ctu") == SMALL_BLOCKS and _level(probed, coding, rate).number >= 5:
        parameters["ctu"] = 2 * SMALL_BLOCKS  # from there on none are smaller: H.265, A.4.1
    if probed.mastering:
        parameters["master-display"] = probed.mastering.in_units()
    if probed.light_level:
        parameters["max-cll"] = str(probed.light_level)
    return parameters


def _svtav1_parameters(coding: Coding, probed: Probe) -> Mapping[str, object]:
    parameters: dict[str, object] = {"lp": coding.threads, "lookahead": coding.effort.lookahead}
    parameters |= coding.effort.parameters
    if probed.mastering:
        parameters["mastering-display"] = probed.mastering.in_decimals()
    if probed.light_level:
        parameters["content-light"] = str(probed.light_level)
    return parameters


def _joined(parameters: Mapping[str, object]) -> str:
    return ":".join(f"{name}={value}" for name, value in parameters.items())
