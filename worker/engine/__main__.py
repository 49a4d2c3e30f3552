"""The engine's process: reads one request on standard input, answers with JSON lines on standard output.

Started by `worker.sandbox` as `python -I -m worker.engine` with an empty environment. Events:

    {"event": "progress", "phase": "ENCODING", "share": 0.42}
    {"event": "measured", "duration": 12.0, "pixels": 746496000}    once, of the video
    {"event": "closing"}                                 the index is being moved to the front: silence is normal
    {"event": "result", "duration": 12.0, "frames": 360, "codec": "h264", "notes": [], "render": {"mode": "full", ...},
     "memory": {"peak_mb": 312, ...}, "timings": {"ENCODING": 8.1, ...}}
    {"event": "error", "code": "CORRUPT_INPUT", "message": "...", "hint": "..."}

What is asked for is the request's `work`. Where it is not the whole video, the result has fields of its own.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from functools import partial
from math import ceil
from typing import Any

import av.logging

from worker.engine.blend import Blender
from worker.engine.blend10 import DeepBlender
from worker.engine.encoders import choose_coding
from worker.engine.footprint import plan_memory
from worker.engine.images import open_image
from worker.engine.layers import Layer, draw_layers
from worker.engine.pipeline import Blends
from worker.engine.preload import load_what_loads_late
from worker.engine.probe import Probe, probe
from worker.engine.profiles import PROFILES
from worker.engine.render import render
from worker.engine.result import ResultFile
from worker.engine.timeline import Timeline
from worker.engine.trial import check, draw_on_frame
from worker.engine.unseen import notes_on_the_cut_off, notes_on_the_never_seen, refuse_what_never_starts
from worker.errors import EncodeFailed, OutOfMemory, WatermarkError
from worker.limits import confine
from worker.memory import MemoryGauge, map_large_blocks
from worker.resources import MIB
from worker.seccomp import forbid_all_but_work
from worker.watermark import Watermark, validate

SECONDS_BETWEEN_EVENTS = 0.25
BYTES_OF_TWO_FRAMES = 6  # for each pixel, of 4:2:0 with 10 bits
UNFILTERED = (
    "This system refuses the kernel's filter of system calls (seccomp): the engine read the video without it, "
    "and could have opened files of its container."
)


class Events:
    """Writes events, progress at most four times a second."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._last = 0.0
        self.timings: dict[str, float] = {}

    def send(self, event: str, **fields: Any) -> None:
        os.write(self._descriptor, json.dumps({"event": event, **fields}).encode() + b"\n")

    def progress(self, phase: str) -> Callable[[float], None]:
        def report(share: float) -> None:
            now = time.monotonic()
            if now - self._last >= SECONDS_BETWEEN_EVENTS:
                self._last = now
                self.send("progress", phase=phase, share=round(share, 4))

        return report

    def closing(self) -> None:
        self.send("closing")

    @contextmanager
    def phase(self, name: str) -> Iterator[Callable[[float], None]]:
        """Report and time a phase; one that is gone through twice took the sum."""
        self.send("progress", phase=name, share=0.0)
        started = time.monotonic()
        try:
            yield self.progress(name)
        finally:
            self.timings[name] = round(self.timings.get(name, 0.0) + time.monotonic() - started, 3)


def run(request: dict[str, Any], events: Events, memory: MemoryGauge, notes: Sequence[str] = ()) -> None:
    """Do the work of a request; its fields are those that `worker.sandbox.run_engine` writes.

    Args:
        notes: Sentences for the job record that are known already.
    """
    output = ResultFile(*request["output"])
    with os.fdopen(request["input"], "rb") as source:
        with events.phase("PROBING"):
            probed = probe(source)
            events.send("measured", duration=probed.duration, pixels=_pixels(probed))
            map_large_blocks(BYTES_OF_TWO_FRAMES * probed.picture.width * probed.picture.height)
            coding = choose_coding(probed, PROFILES[request["profile"]], request["cpus"])
            watermark = _watermark(request)
            with ExitStack() as files:
                images = {
                    name: open_image(files.enter_context(os.fdopen(descriptor, "rb")), name)
                    for name, descriptor in request["images"].items()
                }
                layers = draw_layers(watermark, images, probed.picture)
            refuse_what_never_starts(layers, probed.duration)
            cut_off = notes_on_the_cut_off(layers)
            blender, timeline = _blender(layers, probed), Timeline(layers)
            del images, layers  # only the converted layers are needed from here on
            present = memory.resident() + blender.bytes_to_come
            plan = plan_memory(probed, coding, request["cpus"], present, request["memory_taken"], request["memory"])
        rendered = render(
            source,
            output,
            probed,
            blender,
            timeline,
            plan.coding,
            plan.cpus,
            request["smart"],
            events.phase,
            events.closing,
        )
    never_seen = notes_on_the_never_seen(watermark.overlays, blender.seen, probed.duration)
    events.send(
        "result",
        duration=round(rendered.duration, 3),
        frames=rendered.encoded.frames,
        codec=coding.codec,
        notes=[*notes, *probed.notes, *plan.coding.notes, *cut_off, *never_seen, *rendered.encoded.notes],
        render=asdict(rendered.way),
        memory={"estimated_mb": ceil(plan.memory / MIB), "peak_mb": ceil(memory.peak() / MIB)},
        timings=events.timings,
    )


def run_check(request: dict[str, Any], events: Events, _memory: MemoryGauge, notes: Sequence[str] = ()) -> None:
    """Check a watermark; the request is that of `worker.trial.check_watermark`."""
    check(_watermark(request), request["images"])
    events.send("result", notes=[*notes])


def run_preview(request: dict[str, Any], events: Events, _memory: MemoryGauge, notes: Sequence[str] = ()) -> None:
    """Draw a frame; the request is that of `worker.trial.draw_preview`."""
    with os.fdopen(request["input"], "rb") as source, os.fdopen(request["output"], "wb") as output:
        probed = probe(source)
        events.send("measured", duration=probed.duration, pixels=_pixels(probed))
        goes_on = partial(events.progress("PROBING"), 0.0)
        drawn = draw_on_frame(source, output, _watermark(request), request["images"], request["seconds"], goes_on)
    events.send("result", **drawn, notes=[*notes])


WORKS = {"watermark": run, "check": run_check, "preview": run_preview}


def _watermark(request: dict[str, Any]) -> Watermark:
    return validate(request["watermark"], request["watermark_name"])


def _pixels(probed: Probe) -> float:
    """Return how many all frames have; of a fragmented file, as many frames as its rate makes likely."""
    frames = max(probed.frames, probed.duration * float(probed.rate))
    return frames * probed.picture.width * probed.picture.height


def _blender(layers: list[Layer], probed: Probe) -> Blends:
    matrix = probed.colour.matrix_for(probed.picture.height)
    if probed.depth == 8:
        return Blender(layers, probed.colour, matrix, probed.full_range)
    return DeepBlender(layers, probed.colour, matrix, probed.full_range)


def main() -> int:
    """Run one request; exit 0 after a result, 1 after an error event."""
    # Nothing but events may reach the pipe, whatever a library prints: it goes to standard error instead.
    channel = os.dup(sys.stdout.fileno())
    os.set_inheritable(channel, False)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    events = Events(channel)
    request = json.loads(sys.stdin.buffer.read())
    confine(request["parent"], request["output_bytes"])
    load_what_loads_late()
    memory = MemoryGauge()
    notes = [] if forbid_all_but_work() else [UNFILTERED]
    sys.stderr.writelines(f"{note}\n" for note in notes)  # the worker logs it where the engine fails
    av.logging.set_level(av.logging.ERROR)
    try:
        WORKS[request["work"]](request, events, memory, notes)
    except WatermarkError as error:
        _log_traceback()
        events.send("error", **error.as_record())
    except MemoryError:
        events.send("error", **OutOfMemory("The engine wanted more memory than there is.").as_record())
    except Exception as error:  # the pipe is the only way to tell the worker what happened
        _log_traceback()
        failed = EncodeFailed(f"The engine failed on this video: {type(error).__name__}.")
        events.send("error", **failed.as_record())
    else:
        return 0
    return 1


def _log_traceback() -> None:
    """Print the exception that is being handled; it goes to a file, whose disk may be the one that is full."""
    with suppress(OSError):
        traceback.print_exc()
        sys.stderr.flush()


if __name__ == "__main__":
    code = main()
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(code)  # taking Python down in order is a tenth of a second, and leaves nothing that the kernel would not
