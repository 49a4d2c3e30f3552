"""What each fault came to: a table at the end of the run and, if asked for, in docs/faults.md and the README."""

from dataclasses import astuple, dataclass
from pathlib import Path

import pytest

from e2e.memory_table import OPTION
from scripts.readme import README, replace_between_markers

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "faults.md"
SHOWN_IN_README = "docker"  # the target that knows most faults
ROW = "fault"  # the property of a test's report
HEADER = [
    "| fault | injected | uploads | outputs | lost | partial | leftovers |",
    "| --- | --- | --- | --- | --- | --- | --- |",
]


@dataclass(frozen=True)
class Row:
    """One fault.

    Attributes:
        injected: How many times it happened.
        outputs: Whole results with their mark, in the end.
        lost: Uploads without exactly one terminal record, or that succeeded without a result.
        partial: Results that are not whole, not marked, or there though no job succeeded.
        leftovers: Multipart uploads, tasks, containers, processes, folders and needless versions of results.
    """

    fault: str
    injected: int
    uploads: int
    outputs: int
    lost: int
    partial: int
    leftovers: int

    def markdown(self) -> str:
        """The row of the table."""
        return f"| {' | '.join(map(str, astuple(self)))} |"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if isinstance(report, pytest.TestReport)
    ]
    rows = sorted({str(value) for report in reports for name, value in report.user_properties if name == ROW})
    if not rows:
        return
    table = [*HEADER, *rows]
    terminalreporter.section(f"faults, --target {config.option.target}")
    for line in table:
        terminalreporter.line(line)
    if config.getoption(OPTION):
        _write(DOCUMENT, config.option.target, table)
        if config.option.target == SHOWN_IN_README:
            _write(README, "faults", table)


def _write(document: Path, marker: str, table: list[str]) -> None:
    document.write_text(replace_between_markers(document.read_text(), marker, "\n".join(table)))
