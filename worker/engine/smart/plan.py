"""Which groups of pictures are encoded again; decided by looking at every packet, without decoding any."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from operator import eq
from typing import BinaryIO

from av.video.stream import VideoStream

from worker.engine.probe import Probe
from worker.engine.read import TimeDigest, whole_packets
from worker.engine.smart.avcc import MAX_PPS, MAX_SPS, AvcC
from worker.engine.smart.groups import Group, NotSmart, read_groups
from worker.engine.smart.h264 import BASELINE, HIGH, MAIN, Sps, parse_sps, pps_id
from worker.engine.smart.pieces import Piece, Timing
from worker.engine.source import open_movie
from worker.engine.timeline import Timeline
from worker.errors import CorruptInput
from worker.watermark import never_visible

MAX_SHARE = 0.8  # of the frames; above, there is little left to copy
DEEPEST = 2  # frames that x264 reorders at most: B-frames that refer to one another
_SAMPLES = 200  # moments at which is asked whether the watermark shows, before the file is read
TWO_IDR = "A seam would lie between two IDR pictures, whose numbers have to differ."  # idr_pic_id: H.264, 7.4.3


@dataclass(frozen=True)
class Plan:
    """How the result is put together.

    Attributes:
        pieces: All that is to be seen, in order.
        times: Digest of the frames' times.
        longest: Ticks between the two frames that lie farthest apart.
        reordering: Frames that the encoder may reorder: as many as the source does and its decode times leave room for.
        set_id: A number for the encoder's parameter sets that none of the source's has.
    """

    pieces: list[Piece]
    times: TimeDigest
    longest: int
    record: AvcC
    sps: Sps
    reordering: int
    set_id: int

    @property
    def frames_encoded(self) -> int:
        return sum(piece.frames for piece in self.pieces if piece.encoded)

    def share(self) -> str:
        """Return a sentence."""
        return (
            "The groups of pictures that the watermark touches are "
            f"{self.frames_encoded} of {self.times.frames} frames."
        )


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
    draft = _Draft(probed, timeline)
    with open_movie(file) as movie:
        source = movie.streams[probed.stream]
        assert isinstance(source, VideoStream)  # noqa: S101 - the probe found it; for the type checker
        try:
            record, sps, set_id = _parameter_sets(source, probed)
            for group in read_groups(whole_packets(movie, [source]), record, alive):
                draft.add(group)
        except ValueError as error:
            raise NotSmart(f"The video's H.264 stream is not plain enough: {error}.") from error
        except CorruptInput as error:
            raise NotSmart(error.message) from error
    plan = draft.finish(record, sps, set_id)
    if plan.frames_encoded >= MAX_SHARE * plan.times.frames:
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


class _Draft:
    """A plan that grows group by group."""

    def __init__(self, probed: Probe, timeline: Timeline) -> None:
        self._probed, self._timeline = probed, timeline
        self._pieces: list[Piece] = []
        self._times, self._longest = TimeDigest(), 0
        self._depth = 0
        self._latest: int | None = None  # of all frames so far
        self._first_shown: int | None = None
        self._last_shown: int | None = None
        self._first_hidden: int | None = None  # of those after the first that is shown
        self._visible = False

    def add(self, group: Group) -> None:
        """Decide about the group that follows.

        Raises:
            NotSmart: It does not lie plainly behind the others.
        """
        times = array("q", sorted(group.pts))
        if any(map(eq, times, times[1:])) or (self._latest is not None and times[0] <= self._latest):
            raise NotSmart("The video's groups of pictures overlap in time.")
        self._latest = times[-1]
        self._depth = max(self._depth, group.depth)
        shown = array("q", (time for time in times if time not in group.hidden)) if group.hidden else times
        if shown:
            self._count(shown)
        self._refuse_hidden_between(group.hidden)
        if shown:
            marked = any(self._timeline.at(time * self._probed.time_base - self._probed.start) for time in shown)
            self._visible = self._visible or marked
            self._piece(group.start, marked or bool(group.hidden)).add(group, shown)

    def _count(self, shown: "array[int]") -> None:
        if self._first_shown is None:
            self._first_shown = shown[0]
        before = shown[0] if self._last_shown is None else self._last_shown
        for time in shown:
            self._times.add(time, self._probed.time_base)
            self._longest = max(self._longest, time - before)
            before = time
        self._last_shown = before

    def _refuse_hidden_between(self, hidden: set[int]) -> None:
        if self._first_shown is None or self._last_shown is None:
            return
        if self._first_hidden is None:
            self._first_hidden = min((time for time in hidden if time > self._first_shown), default=None)
        if self._first_hidden is not None and self._first_hidden < self._last_shown:
            raise NotSmart("The video has an edit list that hides frames between others.")

    def _piece(self, start: int, encoded: bool) -> Piece:
        """Return the piece to which a group that starts there is added."""
        if not self._pieces or self._pieces[-1].encoded != encoded or self._pieces[-1].stop != start:
            self._pieces.append(Piece(start, start, timing=Timing() if encoded else None))
        return self._pieces[-1]

    def finish(self, record: AvcC, sps: Sps, set_id: int) -> Plan:
        """Return the plan.

        Raises:
            NotSmart: The pieces cannot be put together.
            WatermarkInvalid: No frame would get a mark.
        """
        if any(piece.groups[-1] == 1 for piece in self._pieces[:-1]):
            raise NotSmart(TWO_IDR)
        if not self._visible:
            raise never_visible("of no frame is it a part", "Correct its start, end, fade or opacity.")
        depth = self._reordering(sps)
        return Plan(self._pieces, self._times, self._longest, record, sps, depth, set_id)

    def _reordering(self, sps: Sps) -> int:
        """Return how many frames may be reordered: packet i is then shown at the place i - depth at the earliest."""
        if self._depth and not sps.restriction:  # OpenH264, for one, loses a frame where another parameter set begins
            raise NotSmart("The video has B-frames, but does not say how many frames a decoder has to reorder.")
        depth = min(sps.restriction.reordered_frames if sps.restriction else 0, DEEPEST)
        for timing in (piece.timing for piece in self._pieces if piece.timing):
            while any(dts > timing.times[max(0, index - depth)] for index, (dts, _) in enumerate(timing.slots())):
                if depth == 0:
                    raise NotSmart("The video's decode times lie after the times of its frames.")
                depth -= 1
        return depth
