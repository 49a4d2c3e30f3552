"""Using the account that ``scripts/emulator.sh up`` has started, in a script that ``own_account.sh`` runs."""

import os
import signal
from types import FrameType
from typing import NoReturn


def use_account(lines: str) -> None:
    """Do to this process's environment what a shell does with the lines that ``up`` prints (export, unset)."""
    for line in lines.splitlines():
        command, _, rest = line.partition(" ")
        name, _, value = rest.partition("=")
        if command == "unset":
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def clean_up_on_sigterm() -> None:
    """Make the first SIGTERM end this process by way of an exception, so that nothing temporary is left behind."""

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
