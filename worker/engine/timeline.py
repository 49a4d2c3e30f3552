"""What is to be seen at a moment: which picture of which layer, and how opaque. All blenders ask here.

Times are exact fractions of seconds on the video's own clock. Settings count as the decimal numbers that they were
written as, so that a frame at 3 s exactly is past an `end` of 3, and at the third tenth of a second an animation of
tenths that starts at 0.1 shows its third picture.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from worker.engine.layers import Layer
from worker.watermark import OPAQUE, Overlay


@dataclass(frozen=True)
class Showing:
    """One layer at one moment.

    Attributes:
        layer: Its number, from 0 for the lowest.
        picture: Which of its pictures, from 0.
        opacity: 1 to 255: what the picture's own alpha is multiplied with, 255 leaving it as it is.
    """

    layer: int
    picture: int
    opacity: int


class Timeline:
    """What a list of layers shows when."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._tracks = [_Track(layer) for layer in layers]

    def at(self, seconds: Fraction | int) -> list[Showing]:
        """Return what is to be seen at a time, lowest first; nothing at all means that the frame stays as it is."""
        return [
            Showing(number, track.picture_at(seconds), opacity)
            for number, track in enumerate(self._tracks)
            if (opacity := track.opacity_at(seconds))
        ]


class Visibility:
    """When an overlay is to be seen, and how opaque."""

    def __init__(self, overlay: Overlay) -> None:
        self._start, self._fade = _exact(overlay.start), _exact(overlay.fade)
        self._end = None if overlay.end is None else _exact(overlay.end)
        self._opacity = _exact(overlay.opacity)

    def opacity_at(self, seconds: Fraction | int) -> int:
        """Return what its own alpha is multiplied with at a time, 0 to 255."""
        if seconds < self._start or (self._end is not None and seconds >= self._end):
            return 0
        share = Fraction(1)
        if self._fade:
            share = min(share, (seconds - self._start) / self._fade)
            if self._end is not None:
                share = min(share, (self._end - seconds) / self._fade)
        return round(self._opacity * share * OPAQUE)


class _Track:
    def __init__(self, layer: Layer) -> None:
        self._start = _exact(layer.overlay.start)
        self._switches = list(accumulate(layer.durations))  # when each picture's time is over, from the start
        self.opacity_at = Visibility(layer.overlay).opacity_at

    def picture_at(self, seconds: Fraction | int) -> int:
        if len(self._switches) == 1:
            return 0
        return bisect_right(self._switches, (seconds - self._start) % self._switches[-1])


def _exact(setting: float) -> Fraction:
    return Fraction(str(setting))
