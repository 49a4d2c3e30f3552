"""The groups of a video, from an IDR picture to the next: read packet by packet, without decoding any."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from av import Packet
from av.stream import Stream

from worker.engine.smart.avcc import AvcC
from worker.engine.smart.h264 import IDR, PPS, SLICES, SPS, nal_units

_ORDINARY_UNITS = {1, IDR, 6, SPS, PPS, 9, 12}  # slices, messages, parameter sets, delimiters, filler


class NotSmart(Exception):
    """The whole video has to be encoded; the message is the sentence for the job record."""


def _ticks() -> "array[int]":
    return array("q")


@dataclass
class Group:
    """The times of its packets in the order of decoding, in ticks of their stream.

    Attributes:
        start: Position of the first packet in the stream.
        hidden: The times of those that an edit list hides.
    """

    start: int
    pts: "array[int]" = field(default_factory=_ticks)
    dts: "array[int]" = field(default_factory=_ticks)
    durations: "array[int]" = field(default_factory=_ticks)
    hidden: set[int] = field(default_factory=set)

    @property
    def stop(self) -> int:
        return self.start + len(self.pts)

    @property
    def depth(self) -> int:
        """Places by which a packet is decoded earlier than its frame is shown, at most."""
        order = sorted(range(len(self.pts)), key=self.pts.__getitem__)
        return max(decoded - displayed for displayed, decoded in enumerate(order))


def read_groups(packets: "Iterable[Packet[Stream]]", record: AvcC, alive: Callable[[], None]) -> Iterator[Group]:
    """Yield one after the other, so that none but what is asked for stays in memory.

    Args:
        record: The track's, with all of its parameter sets.
        alive: Called again and again while packets are read.

    Raises:
        NotSmart: The packets are not plain enough.
        ValueError: They are broken.
    """
    known = {*record.sps, *record.pps}
    group, last = None, None
    for position, packet in enumerate(packets):
        alive()
        if packet.pts is None or packet.dts is None or packet.has_sidedata("new_extradata"):
            raise NotSmart("The video's sample description changes, or its packets lack a time.")
        if _is_idr(bytes(packet), known):
            if group:
                yield group
            group = Group(position)
        if group is None:
            break
        if packet.dts > packet.pts or (last is not None and packet.dts <= last):
            raise NotSmart("The video's decode times do not increase, or lie after the times of its frames.")
        last = packet.dts
        group.pts.append(packet.pts)
        group.dts.append(packet.dts)
        group.durations.append(packet.duration or 0)
        if packet.is_discard:
            group.hidden.add(packet.pts)
    if group is None:
        raise NotSmart("The video does not begin with an IDR picture.")
    yield group


def _is_idr(data: bytes, known: set[bytes]) -> bool:
    """Return whether a packet is an IDR picture, of which it may be slices; or refuse what is no picture."""
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
    return IDR in slices
