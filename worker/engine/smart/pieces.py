"""What a plan is made of: groups of pictures that are copied, and groups that are encoded together.

Of a group that is copied no more than its length is kept, since a video of hours has hundreds of thousands of frames.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from worker.engine.smart.groups import Group


class Timing:
    """When the frames of groups that are encoded together are shown, and when the new packets are decoded.

    Attributes:
        times: Ticks of the frames that are shown, in their order.
    """

    def __init__(self) -> None:
        self.times = array("q")
        self._dts, self._durations = array("q"), array("q")

    def add(self, group: Group, shown: "array[int]") -> None:
        """Add a group, of which these times are shown.

        If frames before and after them are hidden, the new packets are fewer. Of n old ones that at position i in the
        order of decoding is not decoded later than the frame at position i in the order of display is shown, since
        n - i of them are yet to come; so leaving out as many at the start as are hidden there leaves room for the rest.
        """
        before = sum(pts < shown[0] for pts in group.pts)
        self.times.extend(shown)
        self._dts.extend(group.dts[before:])
        self._durations.extend(group.durations[before:])

    def slots(self) -> Iterator[tuple[int, int]]:
        """Return the decode time and the duration of each new packet."""
        used = slice(len(self.times))
        return zip(self._dts[used], self._durations[used], strict=True)


@dataclass
class Piece:
    """Neighbouring packets that have one fate: groups of pictures that are copied, or some that are encoded together.

    Attributes:
        start, stop: Positions in the order of decoding.
        groups: Frames of each group that is copied, or of all that are encoded together.
        timing: Of those that are encoded.
    """

    start: int
    stop: int
    groups: "array[int]" = field(default_factory=lambda: array("L"))
    timing: Timing | None = None

    @property
    def encoded(self) -> bool:
        return self.timing is not None

    @property
    def frames(self) -> int:
        return sum(self.groups)

    def add(self, group: Group, shown: "array[int]") -> None:
        """Add the group that follows, of which these times are shown."""
        self.stop = group.stop
        if self.timing:
            self.timing.add(group, shown)
            self.groups = array("L", [len(self.timing.times)])
        else:
            self.groups.append(len(shown))
