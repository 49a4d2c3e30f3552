"""Pictures encoded so that they follow the source's own without a decoder's noticing more than new parameter sets.

Profile, level, size of the decoder's buffer, reordering, colours and clock are the source's. The parameter sets have
numbers of their own, so that those of both lie side by side in the track's record.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from av import Packet, VideoFrame
from av.codec.context import Flags
from av.error import FFmpegError, InvalidDataError
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext

from worker.engine.encoders import Coding, encoder_options
from worker.engine.probe import Probe
from worker.engine.smart.avcc import AvcC
from worker.engine.smart.groups import NotSmart
from worker.engine.smart.h264 import (
    BASELINE,
    HIGH,
    MAIN,
    PPS,
    SPS,
    Sps,
    from_annex_b,
    parse_sps,
    pps_of_sps,
    with_lengths,
)
from worker.engine.smart.pieces import Timing
from worker.engine.smart.plan import Plan

_PROFILES = {BASELINE: "baseline", MAIN: "main", HIGH: "high"}
DAMAGED = "Frames of the video are damaged or missing where the watermark is."
_NEEDED_BY_PYRAMID = 4  # frames that x264 holds for B-frames that refer to one another


class SegmentCoder:
    """Makes encoders that are all alike.

    Attributes:
        coding: What the encoders make.
        record: The track's record with the parameter sets of the source and of the encoders.
    """

    def __init__(self, plan: Plan, probed: Probe, coding: Coding) -> None:
        """Open an encoder on trial.

        Raises:
            NotSmart: It cannot be made to fit.
        """
        self._plan, self._probed, self.coding = plan, probed, coding
        shortest = min(piece.frames for piece in plan.pieces if piece.encoded)
        # Each piece has an encoder that begins with a full buffer, and all are alike.
        self._options = encoder_options(replace(probed, duration=shortest / float(probed.rate)), coding)
        room = plan.sps.buffered_frames
        depth = plan.reordering
        if depth > 1 and room < _NEEDED_BY_PYRAMID:
            depth = 1
        if depth and room < depth + 1:
            depth = 0
        if depth < 2:
            self._options["b-pyramid"] = "none"
        if depth == 0:
            self._options["bf"] = "0"
        sps, pps = self._parameter_sets()
        if sps.reference_frames > room:
            self._options["refs"] = str(room)
            sps, pps = self._parameter_sets()
        reordered = sps.restriction.reordered_frames if sps.restriction else depth
        if sps.reference_frames > room or reordered > depth:
            raise NotSmart("The encoder needs more frames of a decoder's buffer than the video has.")
        if (sps.profile, sps.level, sps.coded_size) != (plan.sps.profile, plan.sps.level, plan.sps.coded_size):
            raise NotSmart("The encoder does not have the video's profile, level or size.")
        self.record = _record(plan.record, plan.sps, sps, pps).bytes()

    def _parameter_sets(self) -> tuple[Sps, bytes]:
        units = from_annex_b(self.open().extradata or b"")
        by_kind = {unit[0] & 31: unit for unit in units}
        return parse_sps(by_kind[SPS]), by_kind[PPS]

    def open(self) -> VideoCodecContext:
        """Return a fresh encoder, whose first frame is an IDR picture."""
        probed, options = self._probed, self._options
        context = VideoCodecContext.create("libx264", "w")
        context.width, context.height = probed.picture.width, probed.picture.height
        context.pix_fmt = self.coding.pixel_format
        context.time_base, context.framerate = probed.time_base, probed.rate
        context.flags |= Flags.global_header
        own = f"sps-id={self._plan.set_id}:dpb-size={self._plan.sps.buffered_frames}"
        context.options = options | {
            "profile": _PROFILES[self._plan.sps.profile],
            "level": str(self._plan.sps.level),
            "x264-params": f"{options['x264-params']}:{own}" if "x264-params" in options else own,
        }
        try:
            context.open(strict=False)
        except FFmpegError as error:
            raise NotSmart("The encoder cannot be opened with the video's profile and level.") from error
        return context


def _record(source: AvcC, source_sps: Sps, sps: Sps, pps: bytes) -> AvcC:
    """Return the source's record with the encoder's sets.

    If the encoder's sequence parameter set would be the source's in all but its number, as with the same encoder, none
    is added: then a decoder sees no new sequence, only pictures with other parameters.
    """
    if sps.fitted_to(source_sps, source_sps.id) == source_sps.unit:
        return replace(source, pps=(*source.pps, pps_of_sps(pps, source_sps.id)))
    return replace(
        source,
        compatibility=source.compatibility & sps.constraints,
        sps=(*source.sps, sps.fitted_to(source_sps, sps.id)),
        pps=(*source.pps, pps),
    )


class Segment:
    """One piece on its way from the source's packets to new ones."""

    def __init__(
        self,
        decoder: VideoCodecContext,
        encoder: VideoCodecContext,
        timing: Timing,
        mark: Callable[[VideoFrame], VideoFrame],
    ) -> None:
        """Begin at an IDR picture.

        Args:
            decoder: The source's; fresh or flushed.
            mark: Makes of a frame the one that is encoded.
        """
        self._decoder, self._encoder, self._mark = decoder, encoder, mark
        self._slots, self._times = timing.slots(), iter(timing.times)

    def take(self, packet: "Packet[Stream]") -> "Iterator[Packet[Stream]]":
        """Yield the packets that are ready after one of the source.

        Raises:
            NotSmart: What the source holds is not what its packets promise.
        """
        for frame in self._decoded(packet):
            yield from map(self._ready, self._encoder.encode(self._mark(frame)))

    def finish(self) -> "Iterator[Packet[Stream]]":
        """Yield the last packets, and leave the decoder ready for another segment."""
        for frame in self._decoded(None):
            yield from map(self._ready, self._encoder.encode(self._mark(frame)))
        self._decoder.flush_buffers()
        yield from map(self._ready, self._encoder.encode(None))
        if next(self._times, None) is not None or next(self._slots, None) is not None:
            raise NotSmart(DAMAGED)

    def _decoded(self, packet: "Packet[Stream] | None") -> Iterator[VideoFrame]:
        try:
            frames = self._decoder.decode(packet)
        except InvalidDataError as error:
            raise NotSmart(DAMAGED) from error
        for frame in frames:
            if frame.is_corrupt or frame.pts != next(self._times, None):
                raise NotSmart(DAMAGED)
            yield frame

    def _ready(self, encoded: "Packet[Stream]") -> "Packet[Stream]":
        """Return a packet with the source's decode time in its place."""
        units = [unit for unit in from_annex_b(bytes(encoded)) if unit[0] & 31 not in (SPS, PPS)]
        packet: Packet[Stream] = Packet(with_lengths(units))
        packet.dts, packet.duration = next(self._slots, (None, None))
        packet.pts, packet.is_keyframe = encoded.pts, encoded.is_keyframe
        if packet.pts is None or packet.dts is None or packet.dts > packet.pts:
            raise NotSmart("The encoder's frames do not fit into the video's decode times.")
        return packet
