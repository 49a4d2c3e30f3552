"""A frame's planes as images over the same memory, and frames brought to the one format that is blended and encoded."""

from typing import cast

from av import VideoFrame
from PIL import Image

EIGHT_BIT_420 = ("yuv420p", "yuvj420p")


def plane_image(frame: VideoFrame, index: int) -> Image.Image:
    """Return an image that *is* the plane's memory, so that pasting into it writes the frame.

    The frame must be 8-bit planar, writable (`make_writable`), and outlive the image.
    """
    plane = frame.planes[index]
    # Without the copy that Image.frombytes makes: Pillow maps a raw "L" buffer with its line size as it is.
    memory = cast(bytes, memoryview(plane))  # Pillow takes any buffer; its annotation does not say so
    image = Image.frombuffer("L", (plane.width, plane.height), memory, "raw", "L", plane.line_size, 1)
    image.readonly = 0
    return image


def even(length: int) -> int:
    """Return the length that 4:2:0 can code: itself, or one more if it is odd."""
    return length + length % 2


def to_writable_420(frame: VideoFrame) -> VideoFrame:
    """Return the frame as 8-bit 4:2:0 of even size that may be written to, timestamps and colour tags kept.

    A decoder keeps using the frames it has handed out, so they are copied before anything is drawn on them. An odd size
    grows by one repeated column or line: no pixel is lost or scaled.
    """
    if frame.format.name not in EIGHT_BIT_420:
        # Neither matrix nor range changes here, only depth and chroma resolution.
        full = frame.color_range == 2
        frame = _with_attributes_of(
            frame,
            frame.reformat(
                format="yuvj420p" if full else "yuv420p",
                src_color_range=frame.color_range or None,
                dst_color_range=frame.color_range or None,
            ),
        )
    if frame.width % 2 or frame.height % 2:
        return _with_attributes_of(frame, _padded(frame))
    frame.make_writable()
    return frame


def _padded(frame: VideoFrame) -> VideoFrame:
    width, height = frame.width, frame.height
    padded = VideoFrame(even(width), even(height), frame.format.name)
    for index in range(3):  # chroma planes of an odd size are rounded up already
        source, target = plane_image(frame, index), plane_image(padded, index)
        target.paste(source, (0, 0))
        if target.width > source.width:
            target.paste(source.crop((source.width - 1, 0, source.width, source.height)), (source.width, 0))
        if target.height > source.height:
            last = target.crop((0, source.height - 1, target.width, source.height))
            target.paste(last, (0, source.height))
    return padded


def _with_attributes_of(frame: VideoFrame, result: VideoFrame) -> VideoFrame:
    result.pts, result.time_base, result.duration = frame.pts, frame.time_base, frame.duration
    result.colorspace, result.color_range = frame.colorspace, frame.color_range
    result.color_primaries, result.color_trc = frame.color_primaries, frame.color_trc
    return result
