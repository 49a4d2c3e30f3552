import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from worker.cli import main
from worker.errors import ConfigurationInvalid, CorruptInput


def test_local_on_files(clip: Path, logo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["local", str(clip), str(tmp_path / "out.mp4"), "--watermark", str(logo)]) == 0
    assert "25 frames" in capsys.readouterr().out
    assert (tmp_path / "out.mp4").stat().st_size > 0


def test_what_is_no_place_for_a_result_is_left_alone(
    clip: Path, logo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    pipe, own_logo = tmp_path / "pipe", tmp_path / "own.png"
    os.mkfifo(pipe)
    own_logo.write_bytes(logo.read_bytes())
    described = tmp_path / "mark.json"
    described.write_text('{"overlays": [{"image": "own.png"}]}')
    for output, watermark in [(pipe, logo), (own_logo, own_logo), (own_logo, described), (clip, logo)]:
        arguments = ["local", str(clip), str(output), "--watermark", str(watermark)]
        assert main(arguments) == ConfigurationInvalid.exit_code
        assert "Give the output another name." in capsys.readouterr().err
    assert pipe.is_fifo()
    assert own_logo.read_bytes() == logo.read_bytes()


def test_an_error_is_a_sentence_a_hint_and_an_exit_code(
    logo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    (tmp_path / "bad.mp4").write_text("no video")
    code = main(["local", str(tmp_path / "bad.mp4"), str(tmp_path / "out.mp4"), "--watermark", str(logo)])
    assert code == CorruptInput.exit_code
    assert re.fullmatch(r"CORRUPT_INPUT: .+\.\n.+\.\n", capsys.readouterr().err)
    assert not (tmp_path / "out.mp4").exists()


def test_run_without_its_environment_says_which_variable_is_missing() -> None:
    environment = {"PATH": os.environ["PATH"], "JOB_ID": "a"}
    done = subprocess.run(
        [sys.executable, "-m", "worker", "run"], env=environment, capture_output=True, timeout=30, check=False
    )
    assert done.returncode == ConfigurationInvalid.exit_code
    (line,) = done.stderr.decode().splitlines()
    entry = json.loads(line)
    assert (entry["job_id"], entry["level"]) == ("a", "ERROR")
    assert "BUCKET" in entry["message"]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has it")
def test_a_worker_hides_its_environment_from_the_engine() -> None:
    script = """
import ctypes, sys
from worker import cli

def ask(_environment):
    PR_GET_DUMPABLE = 3  # linux/prctl.h
    print(ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))
    sys.exit(0)

cli.from_environment = ask
cli.main(["run"])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=30, check=True)
    assert done.stdout == b"0\n"


def test_help_names_both_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert {"run", "local"} <= set(capsys.readouterr().out.split())
