"""The table says what the tests of a run have shown, however many processes they ran in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localstack_fargate.tests.conformance import DEFAULT_FILE

TESTS = """
import pytest

@pytest.mark.conformance("Area", "Refused: what comes last")
def test_of_none():
    pass

@pytest.mark.conformance("Area", "Shown with each launcher", wording="unverified")
@pytest.mark.launchers("process", "docker")
def test_of_each(launcher):
    assert launcher == "process"

@pytest.mark.conformance("Area", "Shown with one")
def test_of_one(launcher):
    pass

def test_that_is_no_row():
    pass
"""

TABLE = """\
2 of 3 rows passed.

## Area

| behaviour | process | docker | no launcher |
| --- | --- | --- | --- |
| Shown with each launcher (wording unverified) | passed | failed | – |
| Shown with one | passed | – | – |
| Refused: what comes last | – | – | passed |
"""


def run_pytest(directory: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the tests above; the table is in ``table.md``."""
    (directory / "test_rows.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "localstack_fargate.tests.conftest",
        "--conformance-table=table.md",
    ]
    return subprocess.run(
        [*command, "--conformance-table=table.md", *options],
        cwd=directory,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["one-process", "two-processes"])
def test_table_of_a_run(tmp_path: Path, options: list[str]) -> None:
    ended = run_pytest(tmp_path, *options)
    assert "1 failed, 4 passed" in ended.stdout, ended.stdout + ended.stderr
    assert (tmp_path / "table.md").read_text().endswith(TABLE)


def test_the_launcher_of_a_given_endpoint_has_to_be_named(tmp_path: Path) -> None:
    ended = run_pytest(tmp_path, FARGATE_TEST_ENDPOINT="http://127.0.0.1:1")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "say by --launcher which launcher it has" in ended.stderr
    assert not (tmp_path / "table.md").exists()


def read_rows(table: str) -> dict[str, set[str]]:
    """The rows of each area."""
    areas = (section.partition("\n") for section in table.split("\n## ")[1:])
    return {area: {line for line in lines.splitlines() if line.startswith("| ")} for area, _, lines in areas}


def test_the_table_is_that_of_the_tests(tmp_path: Path) -> None:
    collected = tmp_path / "table.md"
    command = [sys.executable, "-m", "pytest", "-m", "conformance", "--collect-only", "--quiet", "--launcher=both"]
    environment = {name: value for name, value in os.environ.items() if name != "FARGATE_TEST_ENDPOINT"}
    ended = subprocess.run(
        [*command, f"--conformance-table={collected}", Path(__file__).parent],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    here = read_rows(DEFAULT_FILE.read_text())
    assert here == read_rows(collected.read_text().replace("not run", "passed")), "write it anew, see its first lines"
