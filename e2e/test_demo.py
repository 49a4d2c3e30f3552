"""scripts/demo.sh, as somebody runs it who has just cloned the repository."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
from PIL import Image

from e2e.inspection import inspect, wait_until
from scripts.sample_media import make_logo
from worker.tests.media import Clip, make_clip

pytestmark = pytest.mark.only_target("process")

ROOT = Path(__file__).resolve().parent.parent
DEMO = str(ROOT / "scripts" / "demo.sh")


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """An environment in which all temporary files lie in a folder of the test's own."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    return {**os.environ, "TMPDIR": str(temporary)}


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A video whose encode takes some seconds."""
    path = tmp_path_factory.mktemp("media") / "long.mp4"
    return str(make_clip(path, Clip(width=1280, height=720, rate=30, seconds=10, grey=None)))


def demo(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([DEMO, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=400)


def assert_nothing_is_left(environment: dict[str, str]) -> None:
    temporary = environment["TMPDIR"]
    assert list(Path(temporary).iterdir()) == []
    for process in psutil.process_iter():
        try:
            assert not process.environ().get("TMPDIR", "").startswith(temporary), process
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue


def test_without_arguments_it_makes_a_clip(elsewhere: dict[str, str]) -> None:
    run = demo([], elsewhere)
    assert run.returncode == 0, run.stdout + run.stderr
    assert str(ROOT / "out" / "sample.mp4") in run.stdout
    assert_nothing_is_left(elsewhere)


def test_a_phones_video_and_a_described_watermark(elsewhere: dict[str, str], tmp_path: Path) -> None:
    name = "demo é+%2B 🎬"
    video, logo, watermark = tmp_path / f"{name}.mp4", tmp_path / "logo.jpg", tmp_path / f"{name}.json"
    phone = Clip(width=1920, height=1080, rate=30, seconds=1, rotation=90, grey=None)
    make_clip(video, phone)
    make_logo(tmp_path / "logo.png", "DEMO")
    with Image.open(tmp_path / "logo.png") as drawn:
        drawn.convert("RGB").save(logo)
    watermark.write_text('{"overlays": [{"image": "logo.jpg", "position": "top", "width": "50%"}]}')
    result, picture = ROOT / "out" / f"{name}.mp4", ROOT / "out" / f"{name}.png"
    try:
        run = demo([str(video), str(watermark)], elsewhere)
        assert run.returncode == 0, run.stdout + run.stderr
        assert inspect(result).timestamps == inspect(video).timestamps
        with Image.open(picture) as sheet:
            assert sheet.height > sheet.width / 2  # the way the phone was held
        assert str(result) in run.stdout
        assert "encoding" in run.stdout
        assert_nothing_is_left(elsewhere)
    finally:
        result.unlink(missing_ok=True)
        picture.unlink(missing_ok=True)


def test_a_bad_video_ends_in_the_jobs_own_error(elsewhere: dict[str, str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video\n" * 100)
    run = demo([str(bad)], elsewhere)
    assert run.returncode == 1
    assert "CORRUPT_INPUT" in run.stderr or "UNSUPPORTED_INPUT" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (ROOT / "out" / "bad.mp4").exists()
    assert_nothing_is_left(elsewhere)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["missing.mp4"], "there is no file missing.mp4"),
        ([__file__], "is not an .mp4 file"),
        (["a", "b", "c"], "at most a video and a watermark"),
    ],
)
def test_a_wrong_command_line_is_said_before_anything_starts(
    arguments: list[str], sentence: str, elsewhere: dict[str, str]
) -> None:
    run = demo(arguments, elsewhere)
    assert run.returncode == 1
    assert sentence in run.stderr.replace("\n", " ")
    assert_nothing_is_left(elsewhere)


def test_it_runs_from_anywhere_and_through_a_link(elsewhere: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong module')")
    (tmp_path / "demo").symlink_to(DEMO)
    run = subprocess.run(
        [tmp_path / "demo", "missing.mp4"], cwd=tmp_path, env=elsewhere, capture_output=True, text=True, check=False
    )
    assert "there is no file missing.mp4" in run.stderr, run.stderr
    assert_nothing_is_left(elsewhere)


def test_a_video_is_not_overwritten_by_its_own_result(elsewhere: dict[str, str]) -> None:
    (ROOT / "out").mkdir(exist_ok=True)
    video = ROOT / "out" / "already-there.mp4"
    video.write_bytes(b"precious")
    try:
        run = demo([str(video)], elsewhere)
        assert run.returncode == 1
        assert "would be overwritten by its own result" in run.stderr.replace("\n", " ")
        assert video.read_bytes() == b"precious"
    finally:
        video.unlink()


def start_demo(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [DEMO, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_impatient_ctrl_c_leaves_nothing_behind(elsewhere: dict[str, str], long_video: str) -> None:
    run = start_demo([long_video], elsewhere)
    wait_until(lambda: _runs(elsewhere, "worker.engine"), "the engine", seconds=120)
    os.killpg(run.pid, signal.SIGINT)  # as the terminal does: to the whole foreground group
    wait_until(lambda: _runs(elsewhere, "localstack_init.emulator down"), "the end of the account")
    os.killpg(run.pid, signal.SIGINT)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Traceback" not in output
    assert_nothing_is_left(elsewhere)


@pytest.mark.parametrize("moment", ["localstack.runtime.main", "worker.engine"])
def test_a_signal_to_the_script_alone_ends_all_at_once(moment: str, elsewhere: dict[str, str], long_video: str) -> None:
    run = start_demo([long_video], elsewhere)
    wait_until(lambda: _runs(elsewhere, moment), moment, seconds=120)
    run.send_signal(signal.SIGTERM)
    output, _ = run.communicate(timeout=30)
    assert run.returncode == 143
    assert "Traceback" not in output
    assert_nothing_is_left(elsewhere)


def test_ctrl_c_while_python_is_still_loading_shows_no_traceback(elsewhere: dict[str, str]) -> None:
    run = start_demo([], elsewhere)
    wait_until(lambda: _runs(elsewhere, "-m scripts.demo"), "the demo")
    os.killpg(run.pid, signal.SIGINT)
    output, _ = run.communicate(timeout=30)
    assert (run.returncode, output) == (130, "")
    assert_nothing_is_left(elsewhere)


def _runs(environment: dict[str, str], command: str) -> bool:
    """Whether a process with this in its command line descends from a script that has this environment."""
    for process in psutil.process_iter():
        try:
            if command in " ".join(process.cmdline()) and _is_of(process, environment["TMPDIR"]):
                return True
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
    return False


def _is_of(process: psutil.Process, temporary: str) -> bool:
    family = [process, *process.parents()]  # an engine itself has no environment
    return any(each.environ().get("TMPDIR", "").startswith(temporary) for each in family[:3])
