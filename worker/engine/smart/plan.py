"""Which groups of pictures are encoded again; decided by looking at every packet, without decoding any."""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import BinaryIO

from av import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from worker.engine.probe import Probe
from worker.engine.read import whole_packets
from worker.engine.smart.avcc import MAX_PPS, MAX_SPS, AvcC
from worker.engine.smart.h264 import (
    BASELINE,
    HIGH,
    IDR,
    MAIN,
    PPS,
    SLICES,
    SPS,
    Sps,
    nal_units,
    parse_sps,
    pps_id,
)
from worker.engine.source import open_movie
from worker.engine.timeline import Timeline
from worker.errors import CorruptInput
from worker.watermark import never_visible

MAX_SHARE = 0.8  # of the frames; above, there is little left to copy
DEEPEST = 2  # frames that x264 reorders at most: B-frames that refer to one another
_SAMPLES = 200  # moments at which is asked whether the watermark shows, before the file is read
TWO_IDR = "A seam would lie between two IDR pictures, whose numbers have to differ."  # idr_pic_id: H.264, 7.4.3
_ORDINARY_UNITS = {1, IDR, 6, SPS, PPS, 9, 12}  # slices, messages, parameter sets, delimiters, filler


class NotSmart(Exception):
    """The whole video has to be encoded; the message is the sentence for the job record."""


@dataclass
class Packets:
    """Times of the picture's packets in the order of decoding, in ticks of its stream."""

    pts: "array[int]" = field(default_factory=lambda: array("q"))
    dts: "array[int]" = field(default_factory=lambda: array("q"))
    durations: "array[int]" = field(default_factory=lambda: array("q"))
    hidden: set[int] = field(default_factory=set)  # positions of those that an edit list hides

    def slots(self, piece: "Piece") -> slice:
        """Return which positions give the frames of a piece their decode times.

        If frames before and after them are hidden, the new packets are fewer. Of n old ones that at position i in the
        order of decoding is not decoded later than the frame at position i in the order of display is shown, since
        n - i of them are yet to come; so leaving out as many at the start as are hidden there leaves room for the rest.
        """
        before = sum(pts < piece.times[0] for pts in self.pts[piece.start : piece.stop])
        return slice(piece.start + before, piece.start + before + len(piece.times))


@dataclass(frozen=True)
class Piece:
    """Neighbouring packets that have one fate: a group of pictures that is copied, or some that are encoded together.

    Attributes:
        start, stop: Positions in the order of decoding.
        times: The times of the frames that are shown, in their order; the ticks of `Packets`.
    """

    start: int
    stop: int
    times: tuple[int, ...]
    encoded: bool


@dataclass(frozen=True)
class Plan:
    """How the result is put together.

    Attributes:
        pieces: All that is to be seen, in order.
        reordering: Frames that the encoder may reorder: as many as the source does and its decode times leave room for.
        set_id: A number for the encoder's parameter sets that none of the source's has.
    """

    pieces: list[Piece]
    packets: Packets
    record: AvcC
    sps: Sps
    reordering: int
    set_id: int

    @property
    def frames(self) -> int:
        return sum(len(piece.times) for piece in self.pieces)

    @property
    def frames_encoded(self) -> int:
        return sum(len(piece.times) for piece in self.pieces if piece.encoded)

    def share(self) -> str:
        """Return a sentence."""
        return f"The groups of pictures that the watermark touches are {self.frames_encoded} of {self.frames} frames."


def plan_render(file: BinaryIO, probed: Probe, timeline: Timeline, alive: Callable[[], None]) -> Plan:
    """Return how to encode no more of a video than the watermark touches.

    Args:
        alive: Called again and again while the file is read.

    Raises:
        NotSmart: All of it has to be encoded.
        WatermarkInvalid: No frame would get a mark.
    """
    moments = [Fraction(probed.duration) * index / _SAMPLES for index in range(_SAMPLES)]
    if sum(bool(timeline.at(moment)) for moment in moments) >= MAX_SHARE * _SAMPLES:
        raise NotSmart("The watermark is shown throughout.")
    with open_movie(file) as movie:
        source = movie.streams[probed.stream]
        assert isinstance(source, VideoStream)  # noqa: S101 - the probe found it; for the type checker
        try:
            record, sps, set_id = _parameter_sets(source, probed)
            packets, starts = _scan(whole_packets(movie, [source]), record, alive)
        except ValueError as error:
            raise NotSmart(f"The video's H.264 stream is not plain enough: {error}.") from error
        except CorruptInput as error:
            raise NotSmart(error.message) from error
    pieces = _pieces(packets, starts, probed, timeline)
    plan = Plan(pieces, packets, record, sps, _reordering(packets, starts, pieces, sps), set_id)
    if plan.frames_encoded >= MAX_SHARE * plan.frames:
        raise NotSmart(plan.share())
    return plan


def _parameter_sets(source: VideoStream, probed: Probe) -> tuple[AvcC, Sps, int]:
    """Return the source's parameter sets, and a number that is free for another."""
    context = source.codec_context
    if context.codec.canonical_name != "h264":
        raise NotSmart(f"The video is {context.codec.canonical_name}: only H.264 is copied in parts.")
    if context.codec_tag != "avc1":
        raise NotSmart(f"The video's sample description is {context.codec_tag}, not avc1.")
    record = AvcC.parse(context.extradata or b"")
    sps, *others = map(parse_sps, record.sps)
    if any(other.look != sps.look for other in others):
        raise NotSmart("The video has sequence parameter sets that contradict one another.")
    if sps.profile not in (BASELINE, MAIN, HIGH) or not sps.eight_bit_420:
        raise NotSmart("The video is not 8-bit 4:2:0 of H.264's profiles Baseline, Main or High.")
    if not sps.progressive:
        raise NotSmart("The video is coded for interlaced pictures.")
    if sps.size != (probed.picture.width, probed.picture.height) or sps.crop[0] or sps.crop[2]:
        raise NotSmart("The video's coded size is not what is shown.")
    if sps.buffered_frames == 0:
        raise NotSmart("The video lets a decoder keep no frame, and its encoder needs one.")
    if sps.buffered_frames < sps.reference_frames:
        raise NotSmart("The video's parameter sets contradict one another.")
    free = set(range(32)).difference(map(pps_id, record.pps), (one.id for one in (sps, *others)))
    if not free or len(record.sps) >= MAX_SPS or len(record.pps) >= MAX_PPS:
        raise NotSmart("The video has no room for more parameter sets.")
    return record, sps, min(free)  # x264 gives both of its sets the same number


def _scan(packets: "Iterable[Packet[Stream]]", record: AvcC, alive: Callable[[], None]) -> tuple[Packets, list[int]]:
    """Return the times of all packets, and the positions of those with IDR pictures, at which groups begin."""
    result, starts = Packets(), []
    known = {*record.sps, *record.pps}
    for position, packet in enumerate(packets):
        alive()
        if packet.pts is None or packet.dts is None or packet.has_sidedata("new_extradata"):
            raise NotSmart("The video's sample description changes, or its packets lack a time.")
        data = bytes(packet)
        slices = set()
        for kind, start, end in nal_units(data):
            if kind not in _ORDINARY_UNITS:
                raise NotSmart(f"The video has NAL units of type {kind}.")
            if kind in (SPS, PPS) and data[start:end] not in known:
                raise NotSmart("The video's parameter sets change on the way.")
            if kind in SLICES:
                slices.add(kind)
        if not slices or len(slices) > 1:
            raise NotSmart("The video has packets that are not one picture.")
        if IDR in slices:
            starts.append(position)
        if packet.dts > packet.pts or (position and packet.dts <= result.dts[-1]):
            raise NotSmart("The video's decode times do not increase, or lie after the times of its frames.")
        result.pts.append(packet.pts)
        result.dts.append(packet.dts)
        result.durations.append(packet.duration or 0)
        if packet.is_discard:
            result.hidden.add(position)
    if not starts or starts[0] != 0:
        raise NotSmart("The video does not begin with an IDR picture.")
    return result, starts


def _pieces(packets: Packets, starts: list[int], probed: Probe, timeline: Timeline) -> list[Piece]:
    pieces: list[Piece] = []
    latest, visible = None, False
    for start, stop in pairwise([*starts, len(packets.pts)]):
        times = sorted(packets.pts[start:stop])
        if len(set(times)) < len(times) or (latest is not None and times[0] <= latest):
            raise NotSmart("The video's groups of pictures overlap in time.")
        latest = times[-1]
        hidden = {packets.pts[position] for position in range(start, stop) if position in packets.hidden}
        shown = tuple(time for time in times if time not in hidden)
        if not shown:
            continue
        marked = any(timeline.at(time * probed.time_base - probed.start) for time in shown)
        visible = visible or marked
        touched = marked or bool(hidden)
        if touched and pieces and pieces[-1].encoded and pieces[-1].stop == start:
            first = pieces.pop()
            pieces.append(Piece(first.start, stop, first.times + shown, encoded=True))
        else:
            pieces.append(Piece(start, stop, shown, touched))
    earliest, latest = pieces[0].times[0], pieces[-1].times[-1]
    if any(earliest < packets.pts[position] < latest for position in packets.hidden):
        raise NotSmart("The video has an edit list that hides frames between others.")
    if any(one.encoded != other.encoded and len(one.times) == 1 for one, other in pairwise(pieces)):
        raise NotSmart(TWO_IDR)
    if not visible:
        raise never_visible("of no frame is it a part", "Correct its start, end, fade or opacity.")
    return pieces


def _reordering(packets: Packets, starts: list[int], pieces: list[Piece], sps: Sps) -> int:
    """Return how many frames may be reordered: packet i is then shown at the place i - depth at the earliest."""
    found = max(_depth(packets.pts[start:stop]) for start, stop in pairwise([*starts, len(packets.pts)]))
    if found and not sps.restriction:  # OpenH264, for one, loses a frame where another parameter set begins
        raise NotSmart("The video has B-frames, but does not say how many frames a decoder has to reorder.")
    depth = min(sps.restriction.reordered_frames if sps.restriction else 0, DEEPEST)
    for piece in pieces:
        if piece.encoded:
            slots = packets.dts[packets.slots(piece)]
            while any(dts > piece.times[max(0, index - depth)] for index, dts in enumerate(slots)):
                if depth == 0:
                    raise NotSmart("The video's decode times lie after the times of its frames.")
                depth -= 1
    return depth


def _depth(times: "array[int]") -> int:
    order = sorted(range(len(times)), key=times.__getitem__)
    return max(decoded - displayed for displayed, decoded in enumerate(order))
