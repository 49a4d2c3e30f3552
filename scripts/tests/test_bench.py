"""The benchmark's own arithmetic, and its measuring of processes."""

import sys
from pathlib import Path
from xml.etree import ElementTree

import av
import pytest

from scripts.bench_chart import bars
from scripts.bench_quality import Quality, compare
from scripts.bench_report import AIMS, NAIVE, Result, misses, summary, table
from scripts.bench_run import CommandFailed, Run, measure
from scripts.tests.test_usage import run
from worker.local import run_local
from worker.tests.media import Clip, make_clip, make_logo

GOOD = Quality(240, 95.0, 0.98, 0.97)
NAIVE_RESULT = Result(cpu=20.0, wall=10.0, memory=600e6, size=4_000_000, quality=GOOD)


def result(**changed: object) -> Result:
    fields = {"cpu": 10.0, "wall": 5.0, "memory": 300e6, "size": 4_000_000, "quality": GOOD, **changed}
    return Result(**fields)  # type: ignore[arg-type]


def test_a_run_counts_its_children_too(tmp_path: Path) -> None:
    child = "import time; held = b'x' * 150_000_000; sum(range(10_000_000)); time.sleep(0.3)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    alone = measure([sys.executable, "-c", "pass"], tmp_path / "log")
    both = measure([sys.executable, "-c", script], tmp_path / "log")
    assert both.cpu > alone.cpu + 0.1
    assert both.wall > 0.3
    assert 150_000_000 < both.memory < 300_000_000


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="ended with 3: no such thing"):
        measure([sys.executable, "-c", "import sys; print('no such thing'); sys.exit(3)"], tmp_path / "log")


def test_results_are_medians() -> None:
    runs = [Run(1.0, 9.0, 5), Run(3.0, 1.0, 7), Run(2.0, 2.0, 6)]
    assert Result.of(runs, 1, None) == Result(2.0, 2.0, 6, 1, None)


@pytest.mark.parametrize(
    ("ours", "missed"),
    [
        (result(), []),
        (result(cpu=10.1), ["CPU 1.98×"]),
        (result(wall=6.0), ["wall 1.67×"]),
        (result(size=5_500_000), ["bytes 1.38×"]),
        (result(quality=Quality(240, 94.9, 0.98, 0.97)), ["VMAF -0.1"]),
        (result(quality=Quality(240, 95.0, 0.9791, 0.97)), []),
        (result(quality=Quality(240, 95.0, 0.9785, 0.9685)), ["SSIM outside -0.0015", "SSIM inside -0.0015"]),
    ],
    ids=["met", "cpu", "wall", "bytes", "vmaf", "ssim within", "ssim"],
)
def test_what_misses_its_aim_is_told(ours: Result, missed: list[str]) -> None:
    assert misses(AIMS["balanced"], ours, NAIVE_RESULT) == missed


def test_tables_compare_with_the_first_row() -> None:
    results = {NAIVE: NAIVE_RESULT, "moviepy": result(cpu=40.0, quality=None), "balanced": result(cpu=8.0)}
    rows = [line.strip("| ").split(" | ") for line in table(results).splitlines()[2:]]
    assert [row[0] for row in rows] == [NAIVE, "moviepy", "balanced"]
    assert [row[2] for row in rows] == ["1.00×", "0.50×", "2.50×"]
    assert rows[1][8] == "other frames"
    told = summary({"camera": results}).splitlines()
    assert told[-1].startswith("| camera | balanced | 2.50× | 2.00× | 1.00× | +0.0 | +0.0000 | 600 → 300 | met")
    assert len({line.count("|") for line in told}) == 1


def test_the_chart_is_well_formed_and_to_scale() -> None:
    chart = ElementTree.fromstring(bars("A <b> & c", {"camera": {"ffmpeg": 20.0, "av1": 5.0}}, ["ffmpeg", "av1"]))  # noqa: S314
    drawn = [float(box.attrib["width"]) for box in chart if box.tag.endswith("rect") and box.attrib["width"] != "12"]
    assert drawn[0] / drawn[1] == pytest.approx(4, rel=0.01)


def test_quality_tells_the_mark_from_the_rest(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mp4", Clip(seconds=0.4, grey=None, rotation=90))
    mark = make_logo(tmp_path / "mark.png", size=(64, 32), colour=(200, 40, 40, 180))
    document = tmp_path / "mark.json"
    document.write_text('{"overlays": [{"image": "mark.png", "width": 64, "margin": 10, "position": "bottom-right"}]}')
    run_local(clip, tmp_path / "right.mp4", document, lambda _phase, _share: None, "best")
    right = compare(clip, tmp_path / "right.mp4", mark)
    assert right.frames == 10
    assert right.outside > 0.97
    assert right.inside > 0.95
    bare = compare(clip, clip, mark)
    assert bare.outside == pytest.approx(1, abs=1e-6)
    assert bare.inside < right.inside - 0.02
    with av.open(str(tmp_path / "right.mp4")) as movie:
        assert movie.streams.video[0].frames == 10
    longer = make_clip(tmp_path / "longer.mp4", Clip(seconds=0.6, grey=None, rotation=90))
    with pytest.raises(ValueError, match="fewer frames"):
        compare(longer, tmp_path / "right.mp4", mark)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--rounds", "0"], "it takes at least 1 round"),
        (["--ffmpeg", "/no/ffmpeg"], "there is no /no/ffmpeg; on Debian: apt install ffmpeg"),
    ],
    ids=["rounds", "ffmpeg"],
)
def test_what_makes_no_sense_is_said(arguments: list[str], sentence: str) -> None:
    refused = run("bench", *arguments)
    assert refused.returncode == 2
    assert sentence in refused.stderr
