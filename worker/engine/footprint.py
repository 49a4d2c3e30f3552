"""How much memory an encode will take: an estimate that is made before it begins, and settings that fit.

What the process has already (the libraries, the watermark's layers) is not estimated but looked up, by `worker.memory`.
The rest is proportional to the pixels of a frame: some frames in the decoder, some between the threads, many in the
encoder. Only the index grows with the length: where each packet lies is kept of the source and of the result.
`python -m scripts.footprints` measures it and writes docs/memory.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

from worker.engine.encoders import Coding
from worker.engine.planes import even
from worker.engine.probe import Probe
from worker.errors import InsufficientMemory
from worker.resources import MIB

BYTES_PER_PIXEL = 1.5  # 4:2:0 of 8 bits
FIRST_USE = 36 * MIB  # code and tables that the libraries touch when they begin, and what the heap wastes
BYTES_PER_PACKET = 176  # in the demuxer's and the muxer's index; measured: 120 to 140, as their arrays grow in steps
LEAST_LOOKAHEAD = {"libx264": 10, "libx265": 5, "libsvtav1": 16}  # with less, the picture costs far more bits


@dataclass(frozen=True)
class _Encoder:
    """What an encoder holds, in bytes for each pixel of 8 bits; for those of 10 bits it is `deep` times as much.

    Attributes:
        beside: Bytes whatever the size: tables, and the margins around its frames.
    """

    always: float
    per_lookahead: float
    per_thread: float
    deep: float = 1.0
    beside: int = 0


_ENCODERS = {
    "libx264": _Encoder(always=30, per_lookahead=3.7, per_thread=4),
    "libx265": _Encoder(always=110, per_lookahead=13, per_thread=8, beside=20 * MIB),
    "libsvtav1": _Encoder(always=70, per_lookahead=0, per_thread=64, deep=1.5),
}
# Frames that a decoder holds. Level 4 and 5 of H.264 and HEVC have 4 to 6 at their largest size, AV1 and VP9 have 8; a
# codec without references has one or two, but of up to four times the bytes.
_DECODER_FRAMES = {"h264": 8, "hevc": 8, "av1": 12, "vp9": 12}
_OTHER_DECODERS_FRAMES = 12
_FRAMES_BESIDE_REFERENCES = 4  # that are decoded, or wait for their turn to be shown
_FRAMES_BETWEEN = 3  # one each that is read, drawn on and handed over
_FRAMES_AHEAD = 17  # more, where decoding and encoding go on at the same time


@dataclass(frozen=True)
class Plan:
    """Settings that fit, and what they are expected to take.

    Attributes:
        cpus: How many the pipeline may use; at most what there is.
        memory: Bytes of the engine's process at its peak.
    """

    coding: Coding
    cpus: float
    memory: int


def plan_memory(probed: Probe, coding: Coding, cpus: float, present: int, taken: int, limit: int) -> Plan:
    """Return the settings to encode with: those that are wanted, or else the first that fit and keep the picture.

    Args:
        cpus: How many there are.
        present: Bytes that this process has already, or will have by its marks.
        taken: Bytes that others have who share the limit.
        limit: Bytes for all together.

    Raises:
        InsufficientMemory: With how much it takes at the least.
    """
    for plan in _cheaper_and_cheaper(probed, coding, cpus, present):
        if taken + plan.memory <= limit:
            return plan
    wanted = ceil((taken + plan.memory) / MIB)
    size = f"{probed.picture.width}x{probed.picture.height}"
    raise InsufficientMemory(
        f"Coding {size} pixels as {coding.codec} needs {wanted} MB of memory, but there are {limit // MIB} MB.",
        memory_mb=wanted,
    )


def _cheaper_and_cheaper(probed: Probe, coding: Coding, cpus: float, present: int) -> Iterator[Plan]:
    yield Plan(coding, cpus, present + _encode_memory(probed, coding, cpus))
    one = replace(coding, threads=1)
    yield Plan(one, 1.0, present + _encode_memory(probed, one, 1.0))
    wanted, least = coding.effort.lookahead, LEAST_LOOKAHEAD[coding.encoder]
    if wanted > least:
        note = (
            f"For want of memory the encoder looked {least} frames ahead and not {wanted}, as the profile does: the "
            "picture may take more bits."
        )
        short = replace(one, effort=replace(one.effort, lookahead=least), notes=(*one.notes, note))
        yield Plan(short, 1.0, present + _encode_memory(probed, short, 1.0))


def _encode_memory(probed: Probe, coding: Coding, cpus: float) -> int:
    """Return the bytes that decoder, pipeline and encoder will hold together at their peak."""
    pixels = even(probed.picture.width) * even(probed.picture.height)
    deep = probed.depth > 8
    frames = max(
        _DECODER_FRAMES.get(probed.codec, _OTHER_DECODERS_FRAMES), probed.reference_frames + _FRAMES_BESIDE_REFERENCES
    )
    frames += _FRAMES_BETWEEN
    if cpus > 1:
        frames += _FRAMES_AHEAD
    encoder = _ENCODERS[coding.encoder]
    encoding = encoder.always + encoder.per_lookahead * coding.effort.lookahead + encoder.per_thread * coding.threads
    of_frames = frames * BYTES_PER_PIXEL * (2 if deep else 1)
    fixed = FIRST_USE + encoder.beside + BYTES_PER_PACKET * probed.packets
    return fixed + int(pixels * (of_frames + encoding * (encoder.deep if deep else 1)))
