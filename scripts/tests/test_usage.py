"""What the scripts say of themselves, and to arguments that make no sense."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from worker.watermark import IMAGE_SUFFIXES

SCRIPTS = Path(__file__).resolve().parent.parent


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPTS / f"{name}.sh", *arguments], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    "name",
    [
        "bench",
        "bench_burst",
        "bench_path",
        "bench_smart",
        "bench_starts",
        "demo",
        "emulator",
        "lock",
        "record_videobatch",
        "scan",
        "setup",
    ],
)
def test_help_is_told(name: str) -> None:
    told = run(name, "--help")
    assert (told.returncode, told.stderr) == (0, "")
    assert f"{name}.sh" in told.stdout
    assert told.stdout.lower().startswith("usage: ")


@pytest.mark.parametrize("name", ["bench", "bench_burst", "bench_path", "bench_smart", "bench_starts"])
def test_the_help_of_a_benchmark_installs_nothing_and_names_every_option(name: str, tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    copied = shutil.copy(SCRIPTS / f"{name}.sh", tmp_path / "scripts")  # where there is nothing to set up
    told = subprocess.run([copied, "--help"], capture_output=True, text=True, check=True, timeout=60).stdout
    written = re.findall(r'add_argument\(\s*"(--[\w-]+)"', (SCRIPTS / f"{name}.py").read_text())
    assert len(written) > 1
    assert set(re.findall(r"^  (--[\w-]+)", told, re.MULTILINE)) == set(written)


def test_the_demo_names_every_kind_of_image() -> None:
    told = run("demo", "--help").stdout
    assert [suffix for suffix in IMAGE_SUFFIXES if suffix not in told] == []


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["bench_path", "--rounds", "0"], "it takes at least 1 round"),
        (["bench_path", "--seconds", "nan"], "a clip of 0.1 to 300 seconds"),
        (["bench_smart", "--rounds", "0"], "it takes at least 1 round"),
        (["bench_burst", "--uploads", "0"], "it takes at least 1 upload"),
        (["lock", "now"], "it takes no arguments"),
        (["scan", "all"], "it takes no arguments"),
        (["setup", "worker"], "there is no set 'worker'; use 'local' or 'dev'"),
        (["emulator"], "the following arguments are required: command"),
    ],
)
def test_what_makes_no_sense_is_said(command: list[str], sentence: str) -> None:
    refused = run(*command)
    assert refused.returncode == 2
    assert sentence in refused.stderr
