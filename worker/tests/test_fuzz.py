"""Thousands of broken movies: each is a video with its mark in the end or an error with a code, in time, within memory.

`pytest worker/tests/test_fuzz.py --fuzz 20000` goes through as many for each seed file, instead of a few hundred.
"""

import io
import json
import os
import selectors
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from worker.engine.probe import probe
from worker.errors import CorruptInput, UnsupportedInput, WatermarkError, all_errors
from worker.local import run_local
from worker.tests.boxes import Box, edit_moov
from worker.tests.media import Clip, make_clip, make_logo
from worker.tests.mutations import mutate

TINY = Clip(64, 48, seconds=0.2)
SEEDS = {
    "h264": replace(TINY, chapters=[(0, 100, "a"), (100, 200, "b")], timecode="01:00:00:00", cover="mjpeg"),
    "hevc": replace(TINY, codec="libx265", pixel_format="yuv420p10le", colour=(9, 1, 9, 16), languages=()),
    "av1": replace(TINY, codec="libsvtav1", languages=(), options={"preset": "12"}),
    "vp9": replace(TINY, codec="libvpx-vp9", languages=()),
    "mpeg4": replace(TINY, codec="mpeg4", rotation=90, aspect=Fraction(4, 3)),
    "prores": replace(TINY, codec="prores_ks", pixel_format="yuv422p10le", languages=(), format="mov"),
    "fragments": replace(TINY, movflags="+frag_keyframe+empty_moov+default_base_moof"),
}
PROBES, RUNS = 500, 60  # for each seed file
SECONDS = 30.0  # a machine with many tests at once is slow; alone it is milliseconds
KILOBYTES = 512 * 1024
CODES = {"OK", *(error.code for error in all_errors())} - {"INTERNAL_ERROR"}  # nothing that nobody foresaw


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("seeds")
    make_logo(folder / "logo.png", (16, 16))
    return {name: make_clip(folder / f"{name}.mp4", clip) for name, clip in SEEDS.items()}


def outcomes(mode: str, seed: Path, count: int) -> Iterator[tuple[int, str]]:
    """Yield each number with its outcome: a code, or what went wrong. A process that dies is followed by another."""
    first = 0
    while first < count:
        number, outcome = first - 1, None
        for number, outcome in _until_one_is_wrong(mode, seed, first, count - first):
            if outcome is not None:
                yield number, outcome
        assert number >= first, "the process did not begin"
        if outcome is None:
            yield number, "ends the process"
        first = number + 1


def _until_one_is_wrong(mode: str, seed: Path, first: int, count: int) -> Iterator[tuple[int, str | None]]:
    """Yield each number before its outcome is known, with None, and with its outcome."""
    arguments = [mode, str(seed), str(seed.parent / "logo.png"), str(first), str(count)]
    command = [sys.executable, "-m", "worker.tests.fuzzed", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        number = first
        try:
            for line in _lines(process):
                if line is None:
                    yield number, f"takes more than {SECONDS} s"
                    return
                if "filtered" in line:
                    continue
                number = line["number"]
                if line.get("peak", 0) > KILOBYTES:
                    yield number, f"takes {line['peak']} KB"
                    return
                yield number, line.get("outcome")
        finally:
            process.kill()


def _lines(process: "subprocess.Popen[bytes]") -> Iterator[dict[str, Any] | None]:
    """Yield what the process says until it ends; None if it falls silent."""
    assert process.stdout is not None
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(SECONDS):
                yield None
                return
            chunk = os.read(process.stdout.fileno(), 1 << 16)
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (json.loads(line) for line in lines)


@pytest.mark.parametrize("name", SEEDS)
@pytest.mark.parametrize(("mode", "count"), [("probe", PROBES), ("engine", RUNS)])
def test_broken_movies(mode: str, count: int, name: str, seeds: dict[str, Path], pytestconfig: pytest.Config) -> None:
    found = dict(outcomes(mode, seeds[name], pytestconfig.getoption("--fuzz") or count))
    wrong = {number: outcome for number, outcome in found.items() if outcome not in CODES}
    assert wrong == {}
    assert len(Counter(found.values())) > 1  # some play on, and others do not


def test_what_the_worker_makes_of_them(seeds: dict[str, Path], tmp_path: Path) -> None:
    """The whole way: a few of the same files, from the worker's side."""
    output = tmp_path / "out" / "out.mp4"
    output.parent.mkdir()
    codes = set()
    for number in range(8):
        source = tmp_path / "source.mp4"
        source.write_bytes(mutate(seeds["h264"].read_bytes(), number))
        try:
            run_local(source, output, seeds["h264"].parent / "logo.png", lambda *_: None)
        except WatermarkError as error:
            codes.add(error.code)
        else:
            codes.add("OK")
            output.unlink()
        assert list(output.parent.iterdir()) == []
    assert {"OK"} < codes <= CODES


def _strange_sample_entry(content: bytes) -> bytes:
    return content.replace(b"mp4v", b"\xff\xfe\xfd\xfc")


def _broken_decoder_setup(content: bytes) -> bytes:
    start = content.index(b"hvcC") + 4 + 22
    return content[:start] + b"\xff" * 200 + content[start + 200 :]


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [("mpeg4", _strange_sample_entry, "OK"), ("hevc", _broken_decoder_setup, "CORRUPT_INPUT")],
    ids=["strange-sample-entry", "broken-decoder-setup"],
)
def test_what_was_found(name: str, change: Callable[[bytes], bytes], code: str, seeds: dict[str, Path]) -> None:
    """Each once ended in an error that the engine had not foreseen."""
    try:
        probe(io.BytesIO(change(seeds[name].read_bytes())))
        found = "OK"
    except WatermarkError as error:
        found = error.code
    assert found == code


def _endless_table(moov: Box) -> None:
    table = moov.one("trak", "mdia", "minf", "stbl")
    table.children = [box for box in table.children if box.kind not in ("ctts", "stss")]
    count = 1 << 26
    table.one("stsz").payload = struct.pack(">III", 0, 1, count)
    table.one("stsc").payload = struct.pack(">IIIII", 0, 1, 1, count, 1)
    table.one("stts").payload = struct.pack(">IIII", 0, 1, count, 1)


def test_an_index_of_more_samples_than_the_file_has_bytes(tmp_path: Path) -> None:
    """Its 67 million entries once took 2.4 GB."""
    source = make_clip(tmp_path / "source.mp4", replace(TINY, movflags="+disable_chpl", languages=()))
    edit_moov(source, _endless_table)
    with pytest.raises(CorruptInput, match="67108864 samples"), source.open("rb") as file:
        probe(file)


def test_a_fragment_of_more_samples_than_the_file_has_bytes(seeds: dict[str, Path]) -> None:
    content = seeds["fragments"].read_bytes()
    start = content.index(b"trun") + 4
    content = content[: start + 1] + bytes(3) + (1 << 26).to_bytes(4) + content[start + 8 :]
    with pytest.raises(CorruptInput, match="67108864 samples"):
        probe(io.BytesIO(content))


def test_boxes_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.engine.claims.MAX_BOXES", 1000)
    with pytest.raises(UnsupportedInput, match="boxes"):
        probe(io.BytesIO(b"\0\0\0\x08free" * 1100))
