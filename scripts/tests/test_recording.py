"""A recording shows what a terminal has shown, in the same columns and colours, and to its end."""

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from scripts.recording import record
from scripts.terminal_svg import COLUMN, moving_picture

SVG = "{http://www.w3.org/2000/svg}"
PROGRAM = """
import os, sys, time
assert sys.stdout.isatty() and os.get_terminal_size().columns == 80
for percent in (0, 50, 100):
    print(f"\\r\\x1b[32m{'#' * (percent // 10):<10}\\x1b[0m {percent:>3} %", end="", flush=True)
    time.sleep(0.2)
print("\\r\\x1b[2K\\x1b[1;31mdone\\x1b[0m & \\x1b[2mgone\\x1b[0m")
"""


def test_what_a_command_shows_becomes_a_picture_that_moves(tmp_path: Path) -> None:
    frames = record([sys.executable, "-c", PROGRAM], "program <1>", tmp_path)
    shown = [[run.text for run in frame.lines[-1]] for frame in frames]
    assert shown == [
        ["$ program <1>"], ["   0 %"], ["#####", "  50 %"], ["##########", " 100 %"], ["done", " &", "gone"]
    ]  # fmt: skip
    assert [(run.colour, run.bold) for run in frames[-1].lines[-1]] == [
        ("red", True), ("default", False), ("brightblack", False)
    ]  # fmt: skip
    assert [run.column for run in frames[2].lines[-1]] == [0, 10]

    written = moving_picture(frames, "A program")
    picture = ET.fromstring(written)  # noqa: S314 - our own
    texts = {"".join(text.itertext()): text for text in picture.iter(f"{SVG}text")}
    assert {"$ program <1>", "#####", "100 %", "done", "&", "gone"} <= set(texts)
    assert texts["50 %"].attrib["x"] == f"{12 * COLUMN:g}"
    moments = [float(moment) for moment in re.findall(r"([\d.]+)% \{", written)]
    assert len(moments) == len(frames) == len(picture.findall(f".//{SVG}g[@class='strip']/{SVG}g"))
    assert moments == sorted(moments)
    assert moments[0] == 0
