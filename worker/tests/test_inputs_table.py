"""The committed table of inputs has the rows of the tests, and enough of them."""

import subprocess
import sys
from pathlib import Path

from worker.tests.inputs_table import DEFAULT_FILE, Key, read

TESTS = """
import pytest

@pytest.mark.input_row("Time", "passes", "well")
def test_a(): ...

@pytest.mark.input_row("Time", "fails", "never said")
@pytest.mark.parametrize("works", [True, False])
def test_b(works): assert works
"""


def run(folder: Path, *arguments: object) -> str:
    command = [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", *map(str, arguments)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    return ended.stdout + ended.stderr


def rows(file: Path) -> dict[Key, str]:
    """Return what comes out, by area and input."""
    return {key: cells[0] for key, cells in read(file)}


def test_the_committed_table_has_the_rows_of_the_tests(tmp_path: Path) -> None:
    tests = Path(__file__).parent
    collected = tmp_path / "inputs.md"
    said = run(tests.parents[1], tests, "--collect-only", f"--inputs-table={collected}")
    assert collected.exists(), said
    here, wanted = rows(DEFAULT_FILE), rows(collected)
    hint = "run `pytest worker/tests --inputs-table`, and delete what no test says any more"
    assert here == wanted, hint
    assert len(here) >= 40


def test_a_row_is_written_only_if_all_its_tests_pass(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from worker.tests.conftest import pytest_addoption, pytest_configure\n")
    (tmp_path / "test_rows.py").write_text(TESTS)
    file = tmp_path / "inputs.md"
    assert "1 failed, 2 passed" in run(Path(__file__).parents[2], tmp_path, f"--inputs-table={file}")
    assert rows(file) == {("Time", "passes"): "well"}
