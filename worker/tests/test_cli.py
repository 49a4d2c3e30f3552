import json
import os
import re
import subprocess
import sys
from pathlib import Path

import av
import pytest
from PIL import Image

from worker.cli import main
from worker.errors import ConfigurationInvalid, CorruptInput, EncodeFailed, WatermarkInvalid
from worker.watermark import IMAGE_SUFFIXES


def test_local_on_files(clip: Path, logo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["local", str(clip), str(tmp_path / "out.mp4"), "--watermark", str(logo)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("out.mp4: 1.0 s, 25 frames")
    assert re.fullmatch(r"h264, profile balanced; all frames encoded: .+\.", second)
    assert (tmp_path / "out.mp4").stat().st_size > 0


def test_a_name_that_no_terminal_can_show_is_no_failure(clip: Path, logo: Path, tmp_path: Path) -> None:
    output = tmp_path / os.fsdecode(b"caf\xe9.mp4")
    done = subprocess.run(
        [sys.executable, "-m", "worker", "local", clip, output, "--watermark", logo],
        env=dict(os.environ) | {"PYTHONIOENCODING": "utf-8:strict"}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"caf\\udce9.mp4: 1.0 s, 25 frames\n" in done.stdout
    assert output.exists()


def test_the_longest_name_that_a_file_can_have(clip: Path, logo: Path, tmp_path: Path) -> None:
    output = tmp_path / ("🎬" * 62 + ".mp4")  # 252 bytes of 255
    assert main(["local", str(clip), str(output), "--watermark", str(logo)]) == 0
    assert output.exists()


@pytest.mark.parametrize(("name", "called"), [("my mark.png", "my mark.png"), ("a\\b.png", "watermark.png")])
def test_a_picture_is_called_by_its_own_name(
    name: str, called: str, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(b"no picture")
    arguments = ["local", str(clip), str(tmp_path / "out.mp4"), "--watermark", str(tmp_path / name)]
    assert main(arguments) == WatermarkInvalid.exit_code
    assert capsys.readouterr().err == (
        f"WATERMARK_INVALID: The watermark image {called} is no PNG, JPEG, WebP or GIF file.\n"
        "Open it in a program that shows it, and save it as a PNG.\n"
    )


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_an_empty_name_is_no_folder(missing: int, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["in.mp4", "out.mp4", "logo.png"]
    names[missing] = ""
    with pytest.raises(SystemExit, match="2"):
        main(["local", *names[:2], "--watermark", names[2]])
    assert "the name is empty" in capsys.readouterr().err


def test_a_profile_is_chosen_by_its_name(clip: Path, logo: Path, tmp_path: Path) -> None:
    assert main(["local", str(clip), str(tmp_path / "out.mp4"), "--watermark", str(logo), "--profile", "av1"]) == 0
    with av.open(str(tmp_path / "out.mp4")) as movie:
        assert movie.streams.video[0].codec_context.codec.canonical_name == "av1"
    with pytest.raises(SystemExit, match="2"):
        main(["local", str(clip), str(tmp_path / "out.mp4"), "--watermark", str(logo), "--profile", "better"])


def test_work_on_files_does_not_load_the_client_of_s3() -> None:
    loaded = "import sys, worker.cli; print(*sorted({'boto3', 'av', 'numpy', 'PIL'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_what_is_no_place_for_a_result_is_left_alone(
    clip: Path, logo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    pipe, loop, image, described = (tmp_path / f"{name}.mp4" for name in ("pipe", "loop", "image", "described"))
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    image.write_bytes(logo.read_bytes())
    (tmp_path / "own.png").hardlink_to(image)
    described.write_text('{"overlays": [{"image": "own.png"}]}')
    places = [(pipe, logo), (loop, logo), (clip, logo), (image, tmp_path / "own.png"), (described, described)]
    for output, watermark in [*places, (image, described), (Path("-"), logo), (tmp_path / "out", logo)]:
        arguments = ["local", str(clip), str(output), "--watermark", str(watermark)]
        assert main(arguments) == ConfigurationInvalid.exit_code
        assert "Give the output another name." in capsys.readouterr().err
    assert pipe.is_fifo()
    assert loop.is_symlink()
    assert image.read_bytes() == logo.read_bytes()
    assert {path.suffix for path in tmp_path.iterdir()} == {".mp4", ".png"}  # nothing partial


@pytest.mark.parametrize("what", ["input", "output", "watermark"])
def test_a_folder_in_place_of_a_file_is_said(
    what: str, clip: Path, logo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"input": clip, "output": tmp_path / "out.mp4", "watermark": logo, what: tmp_path}
    arguments = ["local", str(files["input"]), str(files["output"]), "--watermark", str(files["watermark"])]
    assert main(arguments) == ConfigurationInvalid.exit_code
    assert f"The {what} {tmp_path} is a folder.\n" in capsys.readouterr().err


def test_a_video_in_place_of_a_watermark_is_said(
    clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    arguments = ["local", str(clip), str(tmp_path / "out.mp4"), "--watermark", str(clip)]
    assert main(arguments) == WatermarkInvalid.exit_code
    assert "The watermark clip.mp4 is neither a picture (.png, .apng, " in capsys.readouterr().err


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_every_kind_of_image_is_in_the_help_and_taken(
    suffix: str, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["local", "--help"])
    assert suffix in capsys.readouterr().out
    image = tmp_path / f"mark{suffix}"
    Image.new("RGB", (64, 32), "red").save(image, "PNG" if suffix == ".apng" else None)
    assert main(["local", str(clip), str(tmp_path / "out.mp4"), "--watermark", str(image)]) == 0


def test_a_folder_that_takes_no_file_is_named(clip: Path, logo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["local", str(clip), "/sys/out.mp4", "--watermark", str(logo)]) == ConfigurationInvalid.exit_code
    assert "Nothing can be written to the folder /sys: " in capsys.readouterr().err


@pytest.mark.parametrize("before", [b"an older result", None])
def test_a_link_stays_and_what_it_leads_to_is_replaced(
    before: bytes | None, clip: Path, logo: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    link, target = tmp_path / "link.mp4", tmp_path / "elsewhere" / "target.mp4"
    link.symlink_to(target)
    if before:
        target.write_bytes(before)
    assert main(["local", str(clip), str(link), "--watermark", str(logo)]) == 0
    assert link.readlink() == target
    assert target.stat().st_size > 10_000
    assert list(target.parent.iterdir()) == [target]


def test_a_hang_up_that_is_ignored_stays_ignored(clip: Path, logo: Path, tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from worker import cli, local; real = local.run_engine\n"
        "def hang_up(*arguments): os.kill(os.getpid(), signal.SIGHUP); return real(*arguments)\n"
        "local.run_engine = hang_up; sys.exit(cli.main(sys.argv[1:]))"
    )
    command = ["nohup", sys.executable, "-c", script, "local", str(clip), str(tmp_path / "out.mp4")]
    done = subprocess.run([*command, "--watermark", str(logo)], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.mp4").exists()


def test_an_error_is_a_sentence_a_hint_and_an_exit_code(
    logo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    (tmp_path / "bad.mp4").write_text("no video")
    code = main(["local", str(tmp_path / "bad.mp4"), str(tmp_path / "out.mp4"), "--watermark", str(logo)])
    assert code == CorruptInput.exit_code
    assert re.fullmatch(r"CORRUPT_INPUT: .+\.\n.+\.\n", capsys.readouterr().err)
    assert not (tmp_path / "out.mp4").exists()


def test_a_defect_comes_with_the_lines_that_its_report_wants(
    clip: Path, logo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("worker.sandbox.output_limit", lambda _source_bytes: 5_000)
    assert main(["local", str(clip), str(tmp_path / "o.mp4"), "--watermark", str(logo)]) == EncodeFailed.exit_code
    *above, sentence, hint = capsys.readouterr().err.splitlines()
    assert sentence.startswith("ENCODE_FAILED: The result grew")
    assert "with the lines above" in hint
    assert "Traceback (most recent call last):" in above


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


def test_an_unknown_option_gets_the_usage_of_its_own_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["local", "in.mp4", "out.mp4", "--watermark", "a.png", "--opacity", "0.5"])
    told = capsys.readouterr().err
    assert told.startswith("usage: video-worker local ")
    assert "unrecognized arguments: --opacity 0.5" in told


def test_no_command_at_all_gets_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert {"run", "local"} <= set(capsys.readouterr().err.split())


def test_help_names_both_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert {"run", "local"} <= set(capsys.readouterr().out.split())
