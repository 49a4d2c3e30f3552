"""A frame's planes as images over the same memory, and frames brought to the one format that is blended and encoded."""

from typing import cast

from av import VideoFrame
from av.video.reformatter import VideoReformatter
from PIL import Image

from worker.engine.colour import FULL_RANGE


def plane_image(frame: VideoFrame, index: int) -> Image.Image:
    """Return an image that *is* the plane's memory, so that pasting into it writes the frame.

    The frame must be planar with 8 bits (mode L) or 9 to 16 (I;16), writable (`make_writable`), and outlive the image.
    """
    plane = frame.planes[index]
    mode = "L" if frame.format.components[index].bits == 8 else "I;16"
    # Without the copy that Image.frombytes makes: Pillow maps a raw buffer with its line size as it is.
    memory = cast(bytes, memoryview(plane))  # Pillow takes any buffer; its annotation does not say so
    image = Image.frombuffer(mode, (plane.width, plane.height), memory, "raw", mode, plane.line_size, 1)
    image.readonly = 0
    return image


def even(length: int) -> int:
    """Return the length that 4:2:0 can code: itself, or one more if it is odd."""
    return length + length % 2


class Canvas:
    """Makes frames ready to be drawn on and encoded: planar 4:2:0 of one depth and one even size."""

    def __init__(self, pixel_format: str, width: int, height: int) -> None:
        """Get ready.

        Args:
            pixel_format: yuv420p, yuvj420p or yuv420p10le.
            width, height: Of the picture; an odd size grows by one repeated column or line.
        """
        self._format, self._size = pixel_format, (width, height)
        self._reformatter = VideoReformatter()

    def prepare(self, frame: VideoFrame) -> VideoFrame:
        """Return the frame in format and size, writable, timestamps, colour tags and field order kept.

        A decoder keeps using the frames it has handed out, so they are copied before anything is drawn on them. Neither
        matrix nor range changes, only depth, chroma resolution and, where a stream changes it on its way, the size.
        """
        if frame.format.name.startswith("gray"):
            frame = self._coloured(frame)
        if frame.format.name != self._format or (frame.width, frame.height) != self._size:
            source_range = FULL_RANGE if frame.format.name.startswith("yuvj") else frame.color_range
            frame = self._reformatter.reformat(
                frame,
                *self._size,
                self._format,
                src_color_range=source_range or None,
                dst_color_range=source_range or None,
                threads=1,
            )
        if frame.width % 2 or frame.height % 2:
            return _padded(frame)
        frame.make_writable()
        return frame

    def _coloured(self, frame: VideoFrame) -> VideoFrame:
        """Return a grey frame with empty chroma: swscale would take grey for full range and change its levels."""
        bits = frame.format.components[0].bits
        result = VideoFrame(frame.width, frame.height, "yuv420p" if bits == 8 else f"yuv420p{bits}le")
        plane_image(result, 0).paste(plane_image(frame, 0), (0, 0))
        for index in (1, 2):
            chroma = plane_image(result, index)
            chroma.paste(1 << (bits - 1), (0, 0, *chroma.size))
        return _with_attributes_of(frame, result)


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
    return _with_attributes_of(frame, padded)


def _with_attributes_of(frame: VideoFrame, result: VideoFrame) -> VideoFrame:
    result.pts, result.time_base, result.duration = frame.pts, frame.time_base, frame.duration
    result.colorspace, result.color_range = frame.colorspace, frame.color_range
    result.color_primaries, result.color_trc = frame.color_primaries, frame.color_trc
    return result
