"""A process that gives mutated movies to the probe or the engine, one after the other, as the engine's process would.

    python -m worker.tests.fuzzed probe|engine SEED_FILE LOGO FIRST COUNT

It confines itself as the engine does, and prints a line of JSON for each: first the number alone, then what came of it.
Whatever it does not survive, its parent knows the number of.
"""

import io
import json
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path

import av.logging

from worker.engine.__main__ import Events, run
from worker.engine.preload import load_what_loads_late
from worker.engine.probe import probe
from worker.errors import WatermarkError
from worker.limits import confine
from worker.memory import MemoryGauge
from worker.seccomp import forbid_all_but_work
from worker.tests.mutations import mutate

OUTPUT_BYTES = 1 << 28
NO_NUMBER = -1


def main(mode: str, seed: Path, logo: Path, first: int, count: int) -> None:
    """Go through the numbers and end."""
    content = seed.read_bytes()
    source, result, image, nowhere = (os.memfd_create(name) for name in ("source", "result", "logo", "events"))
    os.write(image, logo.read_bytes())
    reading = os.open(f"/proc/self/fd/{result}", os.O_RDONLY)
    confine(os.getppid(), OUTPUT_BYTES)
    load_what_loads_late()
    memory = MemoryGauge()
    _say(number=NO_NUMBER, filtered=forbid_all_but_work())
    av.logging.set_level(av.logging.PANIC)
    for number in range(first, first + count):
        _say(number=number)
        mutated = mutate(content, number)
        try:
            if mode == "probe":
                probe(io.BytesIO(mutated))
            else:
                os.ftruncate(nowhere, 0)
                _fill(source, mutated)
                os.lseek(image, 0, os.SEEK_SET)
                _run(source, result, reading, image, Events(nowhere), memory)
            outcome = "OK"
        except WatermarkError as error:
            outcome = error.code
        except Exception:
            outcome = traceback.format_exc()
        _say(number=number, outcome=outcome, peak=memory.peak() // 1024)


def _fill(descriptor: int, content: bytes) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, content, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)


def _run(source: int, result: int, reading: int, image: int, events: Events, memory: MemoryGauge) -> None:
    given = os.dup(source), os.dup(image)
    try:
        run(_request(given[0], (result, reading), given[1]), events, memory)
    finally:
        for descriptor in given:  # the engine closes them when it comes to them; its process ends with the first error
            with suppress(OSError):
                os.close(descriptor)


def _request(source: int, result: tuple[int, int], image: int) -> dict[str, object]:
    return {
        "input": source,
        "output": result,
        "watermark": {"overlays": [{"image": "logo.png"}]},
        "watermark_name": "logo.png",
        "images": {"logo.png": image},
        "profile": "fast",
        "smart": True,
        "cpus": 1.0,
        "memory": 1 << 29,
        "memory_taken": 0,
    }


def _say(**fields: object) -> None:
    os.write(1, json.dumps(fields).encode() + b"\n")


if __name__ == "__main__":
    mode, seed, logo, first, count = sys.argv[1:]
    main(mode, Path(seed), Path(logo), int(first), int(count))
