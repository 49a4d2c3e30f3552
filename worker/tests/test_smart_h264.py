"""Parameter sets are read and written without losing a bit, and whatever is broken is a ValueError."""

import contextlib
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from av.video.codeccontext import VideoCodecContext
from hypothesis import given
from hypothesis import strategies as st

from worker.engine.smart.avcc import AvcC
from worker.engine.smart.h264 import (
    PPS,
    SPS,
    from_annex_b,
    nal_units,
    parse_sps,
    pps_id,
    pps_of_sps,
    with_lengths,
)


def parameter_sets(
    size: tuple[int, int] = (320, 180), rate: Fraction = Fraction(25), x264: str = "", **options: str
) -> dict[int, bytes]:
    """Return what x264 writes, by kind."""
    encoder = VideoCodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.framerate, encoder.time_base = rate, 1 / rate
    encoder.options = {"threads": "1", "x264-params": x264, **options}
    encoder.flags |= 1 << 22  # AV_CODEC_FLAG_GLOBAL_HEADER
    encoder.open(strict=False)
    return {unit[0] & 31: unit for unit in from_annex_b(encoder.extradata or b"")}


VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "odd macroblocks": {"size": (318, 182)},
    "a clock with zeros in it": {"rate": Fraction(1 << 24, 1 << 16)},
    "NTSC": {"rate": Fraction(30000, 1001)},
    "Baseline": {"profile": "baseline"},
    "no B-frames": {"bf": "0"},
    "a pyramid": {"bf": "8", "b-pyramid": "normal", "refs": "6"},
    "pixel aspect, colours and range": {"x264": "sar=13/11:colorprim=bt709:range=pc:chromaloc=2:overscan=show"},
    "scaling lists": {"x264": "cqm=jvt"},
    "the last number": {"x264": "sps-id=31"},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_set_fitted_to_itself_is_itself(name: str) -> None:
    unit = parameter_sets(**VARIANTS[name])[SPS]
    sps = parse_sps(unit)
    assert sps.fitted_to(sps, sps.id) == unit
    assert sps.size == VARIANTS[name].get("size", (320, 180))
    assert sps.progressive
    assert sps.eight_bit_420


def test_a_set_takes_what_another_promises_and_keeps_its_own_coding() -> None:
    first = parse_sps(parameter_sets(bf="0", x264="sar=13/11:dpb-size=5")[SPS])
    second = parse_sps(parameter_sets(bf="3", refs="2")[SPS])
    fitted = parse_sps(second.fitted_to(first, 7))
    assert fitted.restriction
    assert first.restriction
    assert (fitted.id, fitted.vui, fitted.body) == (7, first.vui, second.body)
    assert (fitted.restriction.reordered_frames, fitted.restriction.buffered_frames) == (0, 5)
    silent = replace(first, vui="", restriction=None)
    assert parse_sps(second.fitted_to(silent, 7)).restriction is None
    assert parse_sps(second.fitted_to(silent, 7)).buffered_frames == 9  # level 1.2 of 20x12 macroblocks: 2376 / 240


def test_hrd_parameters_are_left_out() -> None:
    plain = parse_sps(parameter_sets(x264="vbv-maxrate=2000:vbv-bufsize=4000")[SPS])
    hrd = parse_sps(parameter_sets(x264="nal-hrd=vbr:vbv-maxrate=2000:vbv-bufsize=4000")[SPS])
    assert (hrd.look, hrd.body) == (plain.look, plain.body)
    assert len(hrd.fitted_to(hrd, hrd.id)) < len(hrd.unit)


@pytest.mark.parametrize("number", [0, 1, 31])
def test_a_picture_set_refers_to_another_sequence_set(number: int) -> None:
    unit = parameter_sets(x264="sps-id=5")[PPS]
    assert pps_of_sps(unit, 5) == unit
    moved = pps_of_sps(unit, number)
    assert pps_id(moved) == 5
    assert pps_of_sps(moved, 5) == unit


def test_a_record_is_written_as_it_was_read() -> None:
    sets = parameter_sets(profile="high")
    record = AvcC(100, 0, parse_sps(sets[SPS]).level, (sets[SPS],), (sets[PPS], sets[PPS]))
    assert AvcC.parse(record.bytes()) == record


@given(st.lists(st.binary(min_size=1), max_size=4))
def test_samples_are_taken_apart_as_they_were_put_together(units: list[bytes]) -> None:
    sample = with_lengths(units)
    assert [sample[start:end] for _, start, end in nal_units(sample)] == units


@given(st.binary(max_size=80))
def test_what_is_broken_is_a_value_error(noise: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse_sps(b"\x67" + noise)
    with contextlib.suppress(ValueError):
        AvcC.parse(b"\x01" + noise)
    with contextlib.suppress(ValueError):
        list(nal_units(noise))


@given(st.data())
def test_a_mutated_set_is_read_or_a_value_error(data: st.DataObject) -> None:
    unit = bytearray(MUTATED)
    for _ in range(data.draw(st.integers(1, 6))):
        unit[data.draw(st.integers(1, len(unit) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ValueError):
        sps = parse_sps(bytes(unit))
        sps.fitted_to(sps, sps.id)
        assert sps.buffered_frames >= 0


MUTATED = parameter_sets(profile="high")[SPS]
