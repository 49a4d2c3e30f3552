"""The table of inputs: which file goes in and what comes out, each row a test that passed.

A test is a row by

    @pytest.mark.input_row("Sound", "PCM in a MOV", "AAC that begins at the same sample; the record says so")

and a case of a parametrised test by the same mark on its `pytest.param`. Tests of one area and input are one row. What
the fixture `marked` measures on the way is written beside it. The mark costs nothing in an ordinary run;

    pytest worker/tests --inputs-table

writes docs/inputs.md, and with a part of the tests replaces the rows of that part. A row that did not pass is taken
out, and test_inputs_table.py fails as long as the file and the marks do not have the same rows.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

MARK = "input_row"
MEASURED = "measured"  # the property by which a test tells what it measured
OPTION = "--inputs-table"
DEFAULT_FILE = Path(__file__).parents[2] / "docs" / "inputs.md"
AREAS = (
    "Codecs",
    "Picture",
    "Colour",
    "Time",
    "Sound",
    "Subtitles",
    "Names and tags",
    "Container",
    "Watermark",
    "Refused",
)
HEAD = """# Inputs

What goes in and what comes out. Each row is a test that passed: it makes the file, watermarks it with the real engine
and looks at the result with a decoder. This table is written by `pytest worker/tests --inputs-table`.

Where there are figures, the whole file was compared: *frames* is how many had exactly the source's times, *packets* how
many of copied tracks are the same bit for bit and tick for tick; the SSIM is that of the worst frame, outside of the
mark and of the mark itself against what it should look like; *colour* is by how much of 255 the mark's colours are off
at most.
"""
COLUMNS = ("input", "what comes out", "frames", "packets", "SSIM outside", "SSIM inside", "colour")

Key = tuple[str, str]


@dataclass
class Row:
    """One input: what comes out, and what was measured by the tests that show it."""

    outcome: str
    passed: bool = True
    figures: list[list[float]] = field(default_factory=list)

    def cells(self) -> list[str]:
        if not self.figures:
            return ["–"] * 5
        frames, packets, outside, inside, colour = zip(*self.figures, strict=True)
        return [
            f"{max(frames)}", f"{max(packets)}", f"{min(outside):.3f}", f"{min(inside):.3f}", f"{max(colour):.1f}"
        ]  # fmt: skip


class InputsTable:
    """A pytest plug-in that collects the rows of a run and writes them when it ends.

    What a test says is in its reports, and so comes from all processes of a parallel run to the one that writes.
    """

    def __init__(self, file: Path, is_writer: bool) -> None:
        self._file = file
        self._is_writer = is_writer
        self._rows: dict[Key, Row] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            for mark in item.iter_markers(MARK):
                area, given, outcome = mark.args
                if area not in AREAS:
                    raise pytest.UsageError(f"{item.nodeid}: no area of the table of inputs is called {area!r}")
                item.user_properties.append((MARK, [area, given, outcome]))
                if session.config.option.collectonly:
                    self._rows[area, given] = Row(outcome)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.outcome == "passed":
            return
        rows = [cast("tuple[str, str, str]", value) for name, value in report.user_properties if name == MARK]
        figures = [cast("list[float]", value) for name, value in report.user_properties if name == MEASURED]
        for area, given, outcome in rows:
            row = self._rows.setdefault((area, given), Row(outcome))
            row.passed &= report.outcome == "passed"
            row.figures += figures

    def pytest_sessionfinish(self) -> None:
        if not self._is_writer:
            return
        cells = {} if not self._file.exists() else dict(read(self._file))
        for key, row in self._rows.items():
            if row.passed:
                cells[key] = [row.outcome, *row.cells()]
            else:
                cells.pop(key, None)
        self._file.write_text("\n".join([HEAD, *_lines(cells)]))


def read(file: Path) -> Iterable[tuple[Key, list[str]]]:
    """Yield the rows of a written table."""
    area = ""
    for line in file.read_text().splitlines():
        if line.startswith("## "):
            area = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith(("| ---", f"| {COLUMNS[0]} |")):
            given, *cells = line.removeprefix("| ").removesuffix(" |").split(" | ")
            yield (area, given), cells


def _lines(rows: Mapping[Key, list[str]]) -> Iterable[str]:
    yield f"{len(rows)} inputs.\n"
    for area in AREAS:
        inside = [(given, cells) for (of, given), cells in rows.items() if of == area]
        if inside:
            yield f"## {area}\n"
            yield _line(*COLUMNS)
            yield _line(*["---"] * len(COLUMNS))
            yield from (_line(given, *cells) for given, cells in inside)
            yield ""


def _line(*cells: Any) -> str:
    return f"| {' | '.join(cells)} |"
