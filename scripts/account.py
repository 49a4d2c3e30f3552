"""Using the account that ``scripts/emulator.sh up`` has started."""

import os


def use_account(lines: str) -> None:
    """Do to this process's environment what a shell does with the lines that ``up`` prints (export, unset)."""
    for line in lines.splitlines():
        command, _, rest = line.partition(" ")
        name, _, value = rest.partition("=")
        if command == "unset":
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
