"""How many frames a decoder of HEVC will hold, read from the parameter sets that lie beside the stream.

Rec. ITU-T H.265: 7.3.2.1 (video parameter set), 7.3.3 (profile, tier and level); ISO/IEC 14496-15: 8.3.3.1 (hvcC).
"""

from collections.abc import Iterator

from worker.engine.bits import Bits

MOST_FRAMES = 16  # MaxDpbSize of A.4.2, of any level and size
_VPS = 32
_HEADER_BYTES = 22  # of an hvcC record, before its parameter sets
_GENERAL_BITS, _LEVEL_BITS = 88, 8  # profile_tier_level


def frames_held(record: bytes) -> int:
    """Return how many frames a stream makes its decoder hold: MOST_FRAMES where it does not say beforehand.

    Args:
        record: What mp4 has in hvcC; FFmpeg's extradata.
    """
    try:
        return max((_frames_held(unit) for unit in _parameter_sets(record)), default=MOST_FRAMES)
    except (ValueError, IndexError):
        return MOST_FRAMES


def _parameter_sets(record: bytes) -> Iterator[bytes]:
    """Yield the video parameter sets: what they allow, no sequence parameter set may exceed."""
    position = _HEADER_BYTES + 1
    for _ in range(record[_HEADER_BYTES]):
        kind, count = record[position] & 63, int.from_bytes(record[position + 1 : position + 3])
        position += 3
        for _ in range(count):
            start = position + 2
            position = start + int.from_bytes(record[position:start])
            if kind == _VPS:
                yield record[start:position]


def _frames_held(unit: bytes) -> int:
    bits = Bits(unit[2:])
    bits.u(12)
    sub_layers = bits.u(3)
    bits.u(17 + _GENERAL_BITS + _LEVEL_BITS)
    present = [(bits.u(1), bits.u(1)) for _ in range(8 if sub_layers else 0)][:sub_layers]
    bits.u(sum(_GENERAL_BITS * profile + _LEVEL_BITS * level for profile, level in present))
    for_each = bits.u(1)
    held = 0
    for _ in range(sub_layers + 1 if for_each else 1):
        held = max(held, bits.ue() + 1)
        bits.ue()  # vps_max_num_reorder_pics
        bits.ue()  # vps_max_latency_increase_plus1
    return min(held, MOST_FRAMES)
