"""How the picture is coded: an encoder with the source's size, clock, colours and orientation."""

from av.codec.context import Flags
from av.container import OutputContainer
from av.video.stream import VideoStream

from worker.engine.planes import even
from worker.engine.probe import Probe
from worker.engine.profiles import Profile


def add_encoder(
    output: OutputContainer, source: VideoStream, probed: Probe, profile: Profile, cpus: float
) -> VideoStream:
    """Add the picture's stream to the result.

    All is set before the first packet of any stream is written, which opens the encoder.
    """
    stream = output.add_stream("libx264", rate=probed.rate, options=profile.options(probed.bit_rate, cpus))
    context = stream.codec_context
    context.width, context.height = even(probed.picture.width), even(probed.picture.height)
    context.pix_fmt = probed.pixel_format
    context.time_base = probed.time_base
    if probed.has_sample_aspect_ratio:
        context.sample_aspect_ratio = probed.picture.sample_aspect_ratio
    context.colorspace, context.color_range = probed.colour.matrix, probed.colour.range
    context.color_primaries, context.color_trc = probed.colour.primaries, probed.colour.transfer
    context.chroma_sample_location = source.codec_context.chroma_sample_location
    context.flags |= Flags.frame_duration  # or the last frame of a variable rate is cut short
    if probed.interlaced:
        context.flags |= Flags.interlaced_dct | Flags.interlaced_me
    if probed.matrix is not None:
        stream.set_display_matrix(probed.matrix)
    return stream
