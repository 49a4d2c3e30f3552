"""Commands as their processes would run them, without a process for each: starting one takes a second of CPU."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from videobatch.cli import STOPPING, main


@dataclass
class Ended:
    """What a command has left: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ended]


@contextmanager
def commands(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Give the function that runs a command with these arguments."""
    before = {number: signal.getsignal(number) for number in STOPPING}

    def run(*arguments: object) -> Ended:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        written = capsys.readouterr()
        return Ended(code, written.out, written.err)

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)
