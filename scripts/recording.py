"""What a command shows on a terminal: it runs on one of its own, and an emulation of a screen keeps what came when."""

import fcntl
import itertools
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyte

SETTLED_SECONDS = 0.03  # what is written in one go arrives in several pieces
DIM = 2  # of "select graphic rendition", which the emulation passes over


@dataclass(frozen=True)
class Run:
    """Characters of one look beside each other.

    Attributes:
        column: Of the first one, from 0.
        colour: A name of the sixteen, six hexadecimal digits, or `default`.
    """

    column: int
    text: str
    colour: str
    bold: bool


Line = tuple[Run, ...]


@dataclass(frozen=True)
class Frame:
    """The screen from a moment on, in seconds since the command was started; without the empty lines at its end."""

    seconds: float
    lines: tuple[Line, ...]


class _Screen(pyte.Screen):
    def select_graphic_rendition(self, *attributes: int, **more: Any) -> None:
        super().select_graphic_rendition(*attributes, **more)
        if DIM in attributes and attributes[0] not in (38, 48):  # where it is part of a colour
            self.cursor.attrs = self.cursor.attrs._replace(fg="brightblack")


def record(command: Sequence[str], shown: str, folder: Path, columns: int = 80, rows: int = 24) -> list[Frame]:
    """Run a command to its end and return what it has shown.

    Args:
        shown: The command as the first line of the screen has it, after a prompt.
        folder: In which it runs.
    """
    screen = _Screen(columns, rows)
    stream = pyte.ByteStream(screen)
    stream.feed(f"$ {shown}\r\n".encode())
    frames = [Frame(0.0, _lines(screen))]
    ours, its = pty.openpty()
    try:
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color"}
        began = time.monotonic()
        with subprocess.Popen(
            command, stdin=its, stdout=its, stderr=its, cwd=folder, env=environment, start_new_session=True
        ):
            os.close(its)
            for piece in _pieces(ours):
                stream.feed(piece)
                frame = Frame(time.monotonic() - began, _lines(screen))
                if frame.lines != frames[-1].lines:
                    frames.append(frame)
    finally:
        os.close(ours)
    return frames


def _pieces(terminal: int) -> Iterator[bytes]:
    while True:
        piece = b""
        while not piece or select.select([terminal], [], [], SETTLED_SECONDS)[0]:
            try:
                piece += os.read(terminal, 65536)
            except OSError:  # EIO: nobody has the other side open any more
                yield piece
                return
        yield piece


def _lines(screen: pyte.Screen) -> tuple[Line, ...]:
    lines = [_runs(screen.buffer[row], screen.columns) for row in range(screen.lines)]
    while lines and not lines[-1]:
        lines.pop()
    return tuple(lines)


def _runs(row: Any, columns: int) -> Line:
    cells = [(column, row[column]) for column in range(columns)]
    runs = []
    for (colour, bold), group in itertools.groupby(cells, lambda cell: (cell[1].fg, cell[1].bold)):
        found = list(group)
        text = "".join(cell.data for _, cell in found)
        if text.strip():
            runs.append(Run(found[0][0], text.rstrip(), colour, bold))
    return tuple(runs)
