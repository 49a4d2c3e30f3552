"""The pipeline of the smart way: groups that the watermark touches are encoded again, all others are copied."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import BinaryIO

import av.error
from av import Packet, VideoFrame
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from worker.engine.encode import Blends, Encoded, translated
from worker.engine.encoders import Coding
from worker.engine.planes import Canvas
from worker.engine.probe import Probe, prepare_decoder
from worker.engine.read import TimeDigest, whole_packets
from worker.engine.remux import Copies, muxer_options
from worker.engine.result import ResultFile
from worker.engine.smart.plan import TWO_IDR, NotSmart, Piece, Plan
from worker.engine.smart.seams import PacketDigest, Spliced
from worker.engine.smart.segment import Segment, SegmentCoder
from worker.engine.source import open_movie
from worker.engine.tags import copy_tags, copy_timecode
from worker.watermark import never_visible


def splice(
    file: BinaryIO,
    output: ResultFile,
    probed: Probe,
    blender: Blends,
    plan: Plan,
    coding: Coding,
    progress: Callable[[float], None],
    finishing: Callable[[], None] = lambda: None,
) -> Encoded:
    """Write the watermarked video.

    Args:
        coding: H.264.
        output, progress, finishing: As for `worker.engine.encode.encode`.

    Raises:
        NotSmart: It turned out on the way that all has to be encoded; what was written is worth nothing.
        CorruptInput, UnsupportedInput, EncodeFailed, DiskFull
    """
    coder = SegmentCoder(plan, probed, coding)
    with open_movie(file) as movie:
        source = movie.streams[probed.stream]
        assert isinstance(source, VideoStream)  # noqa: S101 - the probe found it; for the type checker
        try:
            with output.create(muxer_options(movie, source)) as result:
                encoded = _Splice(movie, source, result, probed, blender, plan, coder).run(progress)
                finishing()
            return encoded
        except (av.error.FFmpegError, OSError) as error:
            raise translated(output.failure or error) from error


class _Splice:
    """One run of the pipeline."""

    def __init__(
        self,
        movie: InputContainer,
        source: VideoStream,
        output: OutputContainer,
        probed: Probe,
        blender: Blends,
        plan: Plan,
        coder: SegmentCoder,
    ) -> None:
        self._movie, self._source, self._output = movie, source, output
        self._probed, self._blender, self._plan, self._coder = probed, blender, plan, coder
        self._canvas = Canvas(coder.coding.pixel_format, probed.picture.width, probed.picture.height)
        self._digest, self._marked = PacketDigest(), 0
        self._last_is_idr = False

        def add_picture() -> None:
            self._picture = output.add_stream_from_template(source, opaque=True)
            self._picture.codec_context.extradata = coder.record
            self._picture.codec_context.framerate = probed.rate  # in which the muxer counts a timecode
            if probed.matrix is not None:
                self._picture.set_display_matrix(probed.matrix)  # also one that only the stream itself has
            copy_tags(source, self._picture)
            copy_timecode(movie, self._picture)

        self._copies = Copies(movie, source, output, add_picture)
        prepare_decoder(source)

    def run(self, progress: Callable[[float], None]) -> Encoded:
        """Go through the source once."""
        pieces = iter(self._plan.pieces)
        piece, segment, position = next(pieces, None), None, 0
        for packet in whole_packets(self._movie, [self._source, *self._copies.sources]):
            if packet.stream_index != self._source.index:
                self._copies.copy(packet)
                continue
            if piece and position >= piece.start:  # what lies between two pieces is hidden by an edit list
                if piece.encoded:
                    segment = segment or self._segment(piece)
                    self._write(segment.take(packet))
                else:
                    self._write([packet])
            position += 1
            if piece and position == piece.stop:
                piece = next(pieces, None)
                if segment:
                    self._write(segment.finish())
                    if piece and self._last_is_idr:  # the encoder saw a cut, or its longest group was full
                        raise NotSmart(TWO_IDR)
                segment = None
            progress(position / len(self._plan.packets.pts))
        self._copies.finish()
        if not self._marked:
            raise never_visible("of no frame is it a part", "Correct its start, end, fade, opacity or image.")
        return self._encoded()

    def _segment(self, piece: Piece) -> Segment:
        return Segment(self._source.codec_context, self._coder.open(), piece, self._plan.packets, self._mark)

    def _mark(self, frame: VideoFrame) -> VideoFrame:
        assert frame.pts is not None  # noqa: S101 - the segment checked it; for the type checker
        ready = self._canvas.prepare(frame)
        self._marked += self._blender.apply(ready, frame.pts * self._probed.time_base - self._probed.start)
        ready.time_base = self._probed.time_base
        ready.pict_type = 0
        return ready

    def _write(self, packets: "Iterable[Packet[Stream]]") -> None:
        for packet in packets:
            packet.time_base = self._probed.time_base
            packet.stream = self._picture
            self._digest.add(packet)
            self._last_is_idr = packet.is_keyframe
            self._output.mux(packet)

    def _encoded(self) -> Encoded:
        plan, times = self._plan, TimeDigest()
        shown = [time for piece in plan.pieces for time in piece.times]
        for time in shown:
            times.add(time, self._probed.time_base)
        return Encoded(
            frames=times.frames,
            times=times.hexdigest(),
            longest=max((after - before for before, after in pairwise(shown)), default=0) * self._probed.time_base,
            streams=self._copies.streams(),
            notes=self._copies.notes(),
            spliced=Spliced([(len(piece.times), piece.encoded) for piece in plan.pieces], self._digest.hexdigest()),
        )
