"""What the seams of an H.264 stream depend on, read from its bits: NAL units and parameter sets.

Rec. ITU-T H.264: 7.3.1 (NAL units), 7.3.2.1.1 (sequence parameter sets), E.1.1 (VUI), A.3.1 (limits of the levels).
Whatever is broken or not understood is a ValueError.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from worker.engine.bits import Bits

IDR, SPS, PPS = 5, 7, 8
SLICES = range(1, 6)
BASELINE, MAIN, HIGH = 66, 77, 100
LENGTH_BYTES = 4  # before each NAL unit in mp4
_EXTENDED_SAR = 255

# Frames that a decoder holds at most, in macroblocks, by level_idc: table A-1.
_DPB_MACROBLOCKS = {
    10: 396, 11: 900, 12: 2376, 13: 2376, 20: 2376, 21: 4752, 22: 8100, 30: 8100, 31: 18000, 32: 20480, 40: 32768,
    41: 32768, 42: 34816, 50: 110400, 51: 184320, 52: 184320, 60: 696320, 61: 696320, 62: 696320,
}  # fmt: skip
MAX_FRAMES = 16


def nal_units(sample: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield type, start and end of each NAL unit of an mp4 sample, in which each is preceded by its length."""
    position = 0
    while position < len(sample):
        start = position + LENGTH_BYTES
        position = start + int.from_bytes(sample[position:start])
        if position == start or position > len(sample):
            raise ValueError("a NAL unit is empty or longer than its sample")
        yield sample[start] & 31, start, position


def from_annex_b(stream: bytes) -> list[bytes]:
    """Return the NAL units of a byte stream, in which each is preceded by 0, 0, 1."""
    return [unit for part in stream.split(b"\0\0\1")[1:] if (unit := part.rstrip(b"\0"))]


def with_lengths(units: list[bytes]) -> bytes:
    """Return an mp4 sample of these NAL units."""
    return b"".join(len(unit).to_bytes(LENGTH_BYTES) + unit for unit in units)


def _ue(number: int) -> str:
    bits = f"{number + 1:b}"
    return "0" * (len(bits) - 1) + bits


def _unit(header: int, bits: str) -> bytes:
    """Return a NAL unit with this payload, its trailing bits and its emulation prevention."""
    bits += "1"
    bits += "0" * (-len(bits) % 8)
    unit = bytearray([header])
    zeros = 0
    for byte in int(bits, 2).to_bytes(len(bits) // 8):
        if zeros >= 2 and byte <= 3:
            unit.append(3)
            zeros = 0
        unit.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(unit)


@dataclass(frozen=True)
class Restriction:
    """What the end of the VUI promises to decoders, in the order of its fields."""

    vectors_over_boundaries: int
    max_bytes_per_picture_denominator: int
    max_bits_per_macroblock_denominator: int
    log2_max_vector_width: int
    log2_max_vector_height: int
    reordered_frames: int
    buffered_frames: int

    def bits(self) -> str:
        first, *others = vars(self).values()
        return f"{first}{''.join(_ue(number) for number in others)}"


@dataclass(frozen=True)
class Sps:
    """A sequence parameter set.

    Attributes:
        unit: The NAL unit.
        constraints: The byte of flags between profile and level.
        coded_size: Width and height in macroblocks; of a field for what is interlaced.
        crop: Samples cut off at the left, right, top and bottom, in units of two.
        restriction: None if there is none: then decoders assume the most that the level allows.
        vui: The bits of the VUI up to its HRD parameters, empty without any.
        body: The bits between the number of the set and the VUI's flag.
    """

    unit: bytes
    profile: int
    constraints: int
    level: int
    id: int
    eight_bit_420: bool
    progressive: bool
    coded_size: tuple[int, int]
    crop: tuple[int, int, int, int]
    reference_frames: int
    restriction: Restriction | None
    vui: str
    body: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height that are shown, in samples."""
        width, height = self.coded_size
        left, right, top, bottom = self.crop
        return width * 16 - 2 * (left + right), height * 16 - 2 * (top + bottom)

    @property
    def look(self) -> tuple[object, ...]:
        """All in which the sets of one video have to agree."""
        return self.profile, self.level, self.coded_size, self.crop, self.progressive, self.vui, self.buffered_frames

    @property
    def buffered_frames(self) -> int:
        """Frames that a decoder holds at most: by the VUI, else by the level."""
        if self.restriction:
            return self.restriction.buffered_frames
        width, height = self.coded_size
        return min(_DPB_MACROBLOCKS.get(self.level, 0) // (width * height), MAX_FRAMES)

    def fitted_to(self, other: "Sps", number: int) -> bytes:
        """Return this set with another's colours, pixel aspect, clock and promises about its frames, and a number.

        Promises about a hypothetical reference decoder (HRD) are left out: nobody keeps them.
        """
        bits = f"{self.profile:08b}{self.constraints:08b}{self.level:08b}{_ue(number)}{self.body}"
        if not other.vui:
            return _unit(other.unit[0], bits + "0")
        bits += "1" + other.vui + "00" + "0"  # no NAL and no VCL HRD, no picture structure
        if other.restriction is None:
            return _unit(other.unit[0], bits + "0")
        promise = replace(
            self.restriction or other.restriction,
            reordered_frames=other.restriction.reordered_frames,
            buffered_frames=other.restriction.buffered_frames,
        )
        return _unit(other.unit[0], bits + "1" + promise.bits())


def parse_sps(unit: bytes) -> Sps:
    """Return what a sequence parameter set says."""
    if not unit or unit[0] & 31 != SPS:
        raise ValueError("not a sequence parameter set")
    bits = Bits(unit[1:])
    profile, constraints, level, number = bits.u(8), bits.u(8), bits.u(8), bits.ue()
    start = bits.position
    eight_bit_420 = _is_eight_bit_420(bits) if profile not in (BASELINE, MAIN, 88) else True
    bits.ue()  # log2_max_frame_num_minus4
    _skip_picture_order(bits)
    reference_frames = bits.ue()
    bits.u(1)  # gaps_in_frame_num_value_allowed_flag
    coded_size = (bits.ue() + 1, bits.ue() + 1)
    progressive = bool(bits.u(1))
    if not progressive:
        bits.u(1)  # mb_adaptive_frame_field_flag
    bits.u(1)  # direct_8x8_inference_flag
    crop = (bits.ue(), bits.ue(), bits.ue(), bits.ue()) if bits.u(1) else (0, 0, 0, 0)
    body = bits.text[start : bits.position]
    vui, restriction = _read_vui(bits) if bits.u(1) else ("", None)
    return Sps(
        unit, profile, constraints, level, number, eight_bit_420, progressive, coded_size, crop, reference_frames,
        restriction, vui, body,
    )  # fmt: skip


def _is_eight_bit_420(bits: Bits) -> bool:
    chroma = bits.ue()
    if chroma == 3:
        bits.u(1)  # separate_colour_plane_flag
    depths = bits.ue(), bits.ue()
    lossless = bits.u(1)
    if bits.u(1):  # seq_scaling_matrix_present_flag
        for index in range(8 if chroma != 3 else 12):
            if bits.u(1):
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma == 1 and depths == (0, 0) and not lossless


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _skip_picture_order(bits: Bits) -> None:
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.u(1)
        bits.se()
        bits.se()
        for _ in range(bits.ue()):
            bits.se()


def _read_vui(bits: Bits) -> tuple[str, Restriction | None]:
    start = bits.position
    if bits.u(1) and bits.u(8) == _EXTENDED_SAR:  # aspect_ratio_info_present_flag
        bits.u(32)
    if bits.u(1):  # overscan_info_present_flag
        bits.u(1)
    if bits.u(1):  # video_signal_type_present_flag
        bits.u(4)
        if bits.u(1):  # colour_description_present_flag
            bits.u(24)
    if bits.u(1):  # chroma_loc_info_present_flag
        bits.ue()
        bits.ue()
    if bits.u(1):  # timing_info_present_flag
        bits.u(65)
    vui = bits.text[start : bits.position]
    has_hrd = False
    for _ in ("NAL", "VCL"):
        if bits.u(1):
            _skip_hrd(bits)
            has_hrd = True
    if has_hrd:
        bits.u(1)  # low_delay_hrd_flag
    bits.u(1)  # pic_struct_present_flag
    if not bits.u(1):  # bitstream_restriction_flag
        return vui, None
    return vui, Restriction(bits.u(1), bits.ue(), bits.ue(), bits.ue(), bits.ue(), bits.ue(), bits.ue())


def _skip_hrd(bits: Bits) -> None:
    count = bits.ue() + 1
    bits.u(8)
    for _ in range(count):
        bits.ue()
        bits.ue()
        bits.u(1)
    bits.u(20)


def pps_id(unit: bytes) -> int:
    """Return the number of a picture parameter set."""
    if not unit or unit[0] & 31 != PPS:
        raise ValueError("not a picture parameter set")
    return Bits(unit[1:16]).ue()


def pps_of_sps(unit: bytes, number: int) -> bytes:
    """Return a picture parameter set that refers to the sequence parameter set of this number."""
    bits = Bits(unit[1:])
    own = bits.ue()
    bits.ue()
    rest = bits.text[bits.position : bits.text.rindex("1")]  # without the trailing bits
    return _unit(unit[0], _ue(own) + _ue(number) + rest)
