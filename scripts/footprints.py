"""Measure the engine's memory against its estimate, for docs/memory.md: python -m scripts.footprints [--sizes 720p].

`worker/engine/footprint.py` holds the estimate; worker/tests/test_footprint.py the bounds, for the cheaper rows.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.readme import replace_between_markers
from worker.tests.footprints import SIZES, SOURCES, make_source, measure

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "memory.md"
SETTINGS = (("balanced", 1.0), ("balanced", 4.0), ("av1", 1.0))  # profile, CPUs
HEADER = (
    "| size | source | result | CPUs | expected MB | measured MB | ratio |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)


def rows(sizes: list[str]) -> Iterator[str]:
    """Yield a line of the table for each combination."""
    for size in sizes:
        for source in SOURCES:
            with TemporaryDirectory() as folder:
                clip = make_source(Path(folder), size, source)
                for profile, cpus in SETTINGS:
                    found = measure(clip, profile, cpus)
                    yield (
                        f"| {size} | {source} | {found.result} | {cpus:g} | {found.estimated} | {found.peak} "
                        f"| {found.ratio:.2f} |"
                    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the engine's memory against its estimate.")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, help="print only these, and leave docs/memory.md as it is")
    options = parser.parse_args()
    table = [*HEADER]
    for row in rows(options.sizes or list(SIZES)):
        print(row, flush=True)
        table.append(row)
    if not options.sizes:
        DOCUMENT.write_text(replace_between_markers(DOCUMENT.read_text(), "estimates", "\n".join(table)))


if __name__ == "__main__":
    main()
