"""The avcC box: an H.264 track's parameter sets, as mp4 keeps them beside the samples (ISO/IEC 14496-15, 5.3.3.1)."""

from dataclasses import dataclass

from worker.engine.smart.h264 import HIGH, LENGTH_BYTES

MAX_SPS, MAX_PPS = 31, 255  # that a record has room for
_HIGH_420_8BIT = b"\xfd\xf8\xf8\x00"  # the end for High: 4:2:0, 8 bits of luma and chroma, no extensions of an SPS


@dataclass(frozen=True)
class AvcC:
    """The decoder configuration record of an avc1 track."""

    profile: int
    compatibility: int
    level: int
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]

    @classmethod
    def parse(cls, record: bytes) -> "AvcC":
        """Read a record whose samples have lengths of four bytes and which has no extensions of an SPS.

        Raises:
            ValueError: It is another one, or broken.
        """
        if len(record) < 7 or record[0] != 1:
            raise ValueError("no avcC")
        if record[4] & 3 != LENGTH_BYTES - 1:
            raise ValueError("the lengths of NAL units have not four bytes")
        sps, position = _parameter_sets(record, 6, record[5] & MAX_SPS)
        if not sps or position >= len(record):
            raise ValueError("an avcC without parameter sets")
        pps, position = _parameter_sets(record, position + 1, record[position])
        if len(record) >= position + 4 and record[position + 3]:
            raise ValueError("an extension of a sequence parameter set")
        return cls(record[1], record[2], record[3], tuple(sps), tuple(pps))

    def bytes(self) -> bytes:
        """Return the record."""
        lists = bytes([0xE0 | len(self.sps)]) + _with_sizes(self.sps) + bytes([len(self.pps)]) + _with_sizes(self.pps)
        head = bytes([1, self.profile, self.compatibility, self.level, 0xFC | (LENGTH_BYTES - 1)])
        return head + lists + (_HIGH_420_8BIT if self.profile == HIGH else b"")


def _parameter_sets(record: bytes, position: int, count: int) -> tuple[list[bytes], int]:
    units = []
    for _ in range(count):
        start = position + 2
        position = start + int.from_bytes(record[position:start])
        if position > len(record):
            raise ValueError("an avcC that ends too early")
        units.append(record[start:position])
    return units, position


def _with_sizes(units: tuple[bytes, ...]) -> bytes:
    return b"".join(len(unit).to_bytes(2) + unit for unit in units)
