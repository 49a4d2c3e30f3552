"""What the terminal and the job record say of how far the work is."""

import contextlib
import io
import os
import pty
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from worker.phases import ALL, ON_FILES, percent, share_on_files
from worker.progress import ProgressLine, in_words


class Terminal(io.StringIO):
    """What stands on a terminal's only line."""

    def isatty(self) -> bool:
        return True

    @property
    def line(self) -> str:
        return self.getvalue().rsplit("\r", 1)[-1].removesuffix("\x1b[K").rstrip()


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_phase_begins_where_the_one_before_ends() -> None:
    for one, other in pairwise(ALL):
        assert percent(one, 1) == pytest.approx(percent(other, 0))
    for one, other in pairwise(ON_FILES):
        assert share_on_files(one, 1) == pytest.approx(share_on_files(other, 0))


def test_a_job_is_whole_only_when_it_has_ended_and_work_on_files_with_its_last_phase() -> None:
    assert percent(ALL[0], 0) == share_on_files(ON_FILES[0], 0) == 0
    assert percent(ALL[-1], 1) == pytest.approx(99)
    assert share_on_files(ON_FILES[-1], 1) == pytest.approx(1)


def test_the_time_left_is_told_once_there_is_a_pace() -> None:
    terminal, clock = Terminal(), Clock()
    line = ProgressLine(terminal, clock)
    clock.now += 1
    line.show("ENCODING", 0.5)
    assert re.fullmatch("█{13}·{17}  45 % encoding", terminal.line)
    clock.now += 19
    line.show("ENCODING", 0.5)
    assert terminal.line.endswith(" 45 % encoding   25 s left")
    clock.now += 20
    line.show("VERIFYING", 0.5)
    assert terminal.line.endswith(" 94 % verifying  2 s left")
    line.clear()
    assert terminal.line == "\x1b[2K"


def test_work_that_begins_anew_has_a_pace_of_its_own() -> None:
    terminal, clock = Terminal(), Clock()
    line = ProgressLine(terminal, clock)
    clock.now += 10
    line.show("VERIFYING", 1)
    line.show("ENCODING", 0)
    assert terminal.line.endswith("1 % encoding")
    clock.now += 50
    line.show("ENCODING", 0.5)
    assert terminal.line.endswith(" 1 min left")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 s"), (8.6, "9 s"), (43, "45 s"), (57, "55 s"), (58, "1 min"), (200, "3 min"), (7260, "2 h 1 min")],
)
def test_an_estimate_is_said_no_more_exactly_than_it_is(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_a_terminal_sees_every_phase_and_never_a_step_back(long_clip: Path, logo: Path, tmp_path: Path) -> None:
    files = [str(long_clip), str(tmp_path / "out.mp4"), "--watermark", str(logo)]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "worker", "local", *files], stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # Linux's word for a terminal that nobody writes to any more
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert process.wait(60) == 0
    told = re.findall(r"(\d+) % (\w+)", shown.decode())
    numbers = [int(number) for number, _ in told]
    assert numbers == sorted(numbers)
    assert list(dict.fromkeys(phase for _, phase in told)) == ["probing", "encoding", "verifying"]
    assert numbers[0] == 0
    assert shown.endswith(b"\r\x1b[2K")
