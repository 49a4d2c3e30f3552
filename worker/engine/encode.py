"""The way of all frames: every frame is marked and encoded, the rest is copied."""

from collections.abc import Callable
from contextlib import closing
from typing import BinaryIO

from av import VideoFrame

from worker.engine.ahead import run_ahead
from worker.engine.encoders import Coding, add_encoder, last_packets
from worker.engine.headers import leave_room
from worker.engine.pipeline import Blends, Encoded, Ends, Marker, open_ends
from worker.engine.probe import Probe
from worker.engine.read import Reader
from worker.engine.remux import Copies
from worker.engine.result import ResultFile
from worker.engine.tags import copy_tags, copy_timecode

# Frames, and packets of sound between them. An encoder takes one frame at once and the next after a long time: with 4
# ahead a tenth of the wall time was lost to idle CPUs. Each frame is held in memory.
ITEMS_AHEAD = 16


def encode(
    file: BinaryIO,
    output: ResultFile,
    probed: Probe,
    blender: Blends,
    coding: Coding,
    cpus: float,
    progress: Callable[[float], None],
    finishing: Callable[[], None] = lambda: None,
) -> Encoded:
    """Write the watermarked video.

    Args:
        file, output, finishing: As for `worker.engine.pipeline.open_ends`.
        cpus: How many the engine may use. On more than one, decoding and encoding go on at the same time.
        progress: Called with the share done, 0 to 1, after every frame and packet.

    Raises:
        CorruptInput: Packets are missing, or too many frames are damaged.
        WatermarkInvalid: No frame got a mark: the result would be the bare video.
        UnsupportedInput, EncodeFailed, DiskFull
    """
    with open_ends(file, output, probed, finishing) as ends:
        return _Encoding(ends, probed, Marker(blender, probed, coding.pixel_format), coding, cpus).run(progress)


class _Encoding:
    """One run of the pipeline."""

    def __init__(self, ends: Ends, probed: Probe, marker: Marker, coding: Coding, cpus: float) -> None:
        self._result, self._probed, self._marker, self._cpus = ends.result, probed, marker, cpus

        def add_picture() -> None:
            self._encoder = add_encoder(ends.result, ends.picture, probed, coding)
            copy_tags(ends.picture, self._encoder)
            leave_room(self._encoder, len(probed.light_boxes))
            copy_timecode(ends.source, self._encoder)

        self._copies = Copies(ends.source, ends.picture, ends.result, add_picture)
        self._reader = Reader(ends.source, ends.picture, self._copies.sources, probed)

    def run(self, progress: Callable[[float], None]) -> Encoded:
        """Go through the source once."""
        ready = self._reader.items()
        # The marks are put on here, for the thread of the decoder is the busier one.
        # On one CPU a second thread would gain nothing, and hold more frames.
        with run_ahead(ready, ITEMS_AHEAD) if self._cpus > 1 else closing(ready) as items:
            for item in items:
                if isinstance(item, VideoFrame):
                    self._result.mux(self._encoder.encode(self._marker.mark(item)))
                else:
                    self._copies.copy(item)
                progress(self._reader.share)
        self._result.mux(last_packets(self._encoder, self._reader.times.frames))
        self._copies.finish()
        self._marker.refuse_if_unused()
        return Encoded(
            frames=self._reader.times.frames,
            times=self._reader.times.hexdigest(),
            longest=self._reader.longest * self._probed.time_base,
            streams=self._copies.streams(),
            notes=[*self._copies.notes(), *self._reader.notes],
        )
