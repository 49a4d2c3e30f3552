"""The table of what videos take in the smallest task: at the end of the run and, if asked for, in docs/memory.md."""

from pathlib import Path

import pytest

from scripts.readme import replace_between_markers

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "memory.md"
OPTION = "--write-docs"
ROW = "memory row"  # the property of a test's report
HEADER = ["| video | peak MB |", "| --- | --- |"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, action="store_true", help="write the tables of this run to docs/")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    reports = [report for report in terminalreporter.stats.get("passed", []) if isinstance(report, pytest.TestReport)]
    rows = sorted(str(value) for report in reports for name, value in report.user_properties if name == ROW)
    if not rows:
        return
    terminalreporter.section("memory in a task of 0.25 vCPU and 512 MB")
    for line in (table := HEADER + rows):
        terminalreporter.line(line)
    if config.getoption(OPTION):
        DOCUMENT.write_text(replace_between_markers(DOCUMENT.read_text(), "containers", "\n".join(table)))
