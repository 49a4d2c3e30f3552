"""The way of the touched frames: groups of pictures that have marks are encoded again, all others are copied."""

from collections.abc import Callable, Iterable
from typing import BinaryIO

from av import Packet
from av.stream import Stream

from worker.engine.encoders import Coding
from worker.engine.pipeline import Blends, Encoded, Ends, Marker, open_ends
from worker.engine.probe import Probe, prepare_decoder
from worker.engine.read import whole_packets
from worker.engine.remux import Copies
from worker.engine.result import ResultFile
from worker.engine.smart.groups import NotSmart
from worker.engine.smart.pieces import Piece, Timing
from worker.engine.smart.plan import TWO_IDR, Plan
from worker.engine.smart.seams import PacketDigest, Spliced
from worker.engine.smart.segment import Segment, SegmentCoder
from worker.engine.tags import copy_tags, copy_timecode

FRAMES_COPIED_MEANWHILE = 100  # in the time that one is encoded; 640x360: 0.1 and 8.7 ms of CPU (bench_smart.sh)


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
        file, output, finishing: As for `worker.engine.pipeline.open_ends`.
        coding: H.264.
        progress: As for `worker.engine.encode.encode`.

    Raises:
        NotSmart: It turned out on the way that all has to be encoded; what was written is worth nothing.
        CorruptInput, UnsupportedInput, EncodeFailed, DiskFull
    """
    coder = SegmentCoder(plan, probed, coding)
    with open_ends(file, output, probed, finishing) as ends:
        return _Splice(ends, probed, Marker(blender, probed, coding.pixel_format), plan, coder).run(progress)


def _work_of(piece: Piece) -> int:
    return FRAMES_COPIED_MEANWHILE if piece.encoded else 1


class _Splice:
    """One run of the pipeline."""

    def __init__(self, ends: Ends, probed: Probe, marker: Marker, plan: Plan, coder: SegmentCoder) -> None:
        self._ends, self._probed, self._marker, self._plan, self._coder = ends, probed, marker, plan, coder
        self._digest, self._last_is_idr = PacketDigest(), False

        def add_picture() -> None:
            self._picture = ends.result.add_stream_from_template(ends.picture, opaque=True)
            self._picture.codec_context.extradata = coder.record
            self._picture.codec_context.framerate = probed.rate  # in which the muxer counts a timecode
            if probed.matrix is not None:
                self._picture.set_display_matrix(probed.matrix)  # also one that only the stream itself has
            copy_tags(ends.picture, self._picture)
            copy_timecode(ends.source, self._picture)

        self._copies = Copies(ends.source, ends.picture, ends.result, add_picture)
        prepare_decoder(ends.picture)

    def run(self, progress: Callable[[float], None]) -> Encoded:
        """Go through the source once."""
        pieces = iter(self._plan.pieces)
        piece, segment, position, done = next(pieces, None), None, 0, 0
        work = sum((piece.stop - piece.start) * _work_of(piece) for piece in self._plan.pieces)
        for packet in whole_packets(self._ends.source, [self._ends.picture, *self._copies.sources]):
            if packet.stream_index != self._ends.picture.index:
                self._copies.copy(packet)
                continue
            if piece and position >= piece.start:  # what lies between two pieces is hidden by an edit list
                if piece.timing:
                    segment = segment or self._segment(piece.timing)
                    self._write(segment.take(packet))
                else:
                    self._write([packet])
                done += _work_of(piece)
            position += 1
            if piece and position == piece.stop:
                piece = next(pieces, None)
                if segment:
                    self._write(segment.finish())
                    if piece and self._last_is_idr:  # the encoder saw a cut, or its longest group was full
                        raise NotSmart(TWO_IDR)
                segment = None
            progress(done / work)
        self._copies.finish()
        self._marker.refuse_if_unused()
        return self._encoded()

    def _segment(self, timing: Timing) -> Segment:
        decoder = self._ends.picture.codec_context
        return Segment(decoder, self._coder.open(), timing, self._marker.mark)

    def _write(self, packets: "Iterable[Packet[Stream]]") -> None:
        for packet in packets:
            packet.time_base = self._probed.time_base
            packet.stream = self._picture
            self._digest.add(packet)
            self._last_is_idr = packet.is_keyframe
            self._ends.result.mux(packet)

    def _encoded(self) -> Encoded:
        plan = self._plan
        return Encoded(
            frames=plan.times.frames,
            times=plan.times.hexdigest(),
            longest=plan.longest * self._probed.time_base,
            streams=self._copies.streams(),
            notes=self._copies.notes(),
            spliced=Spliced([(piece.groups, piece.encoded) for piece in plan.pieces], self._digest.hexdigest()),
        )
