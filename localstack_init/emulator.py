"""The emulated account as background processes, for machines without Docker: ``up``, ``status``, ``exec`` and ``down``.

One account lives in one folder (``EMULATOR_HOME``, by default ``.emulator/`` in the checkout), so that any number of
them run side by side. Nothing is kept when it goes ``down`` but its log.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import NoReturn

from localstack_init.home import EmulatorError, Home, Running
from localstack_init.lifecycle import PREFERRED_PORT, ROOT, end, start

REGION = "us-east-1"
LARGEST_PORT = 65535
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def client_environment(running: Running) -> dict[str, str]:
    """What an AWS SDK or command line needs to talk to the account."""
    return {
        "AWS_ENDPOINT_URL": running.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", REGION),
        "NO_PROXY": "127.0.0.1,localhost",
    }


def foreign_settings(environment: Mapping[str, str]) -> set[str]:
    """Names of variables that would lead a client past the account: to another endpoint, or with other credentials."""
    return {
        name
        for name in environment
        if name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION", "no_proxy")
        or name.startswith("AWS_ENDPOINT_URL_")
    }


def _print_exports(running: Running) -> None:
    for name in sorted(foreign_settings(os.environ)):
        print(f"unset {name}")
    for name, value in client_environment(running).items():
        print(f"export {name}={value}")


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to {LARGEST_PORT}, not {text!r}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emulator.sh", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start the account, wait until uploads work, print the lines to export")
    start.add_argument("--port", type=_port, help=f"port to listen on (default: {PREFERRED_PORT}, or a free one)")
    commands.add_parser("status", help="say whether it runs and where (exit code 1 if it does not)")
    commands.add_parser("down", help="end it and remove its data")
    execute = commands.add_parser("exec", help="run a command with the account's endpoint and credentials set")
    execute.add_argument("argv", nargs=argparse.REMAINDER, metavar="COMMAND ...")
    return parser


def main() -> int:
    """Run one command; 0 if it did what it says, 1 with one sentence on standard error if not."""
    arguments = _parser().parse_args()
    home = Home(Path(os.environ.get("EMULATOR_HOME") or ROOT / ".emulator").resolve())
    try:
        return _run(arguments, home)
    except EmulatorError as error:
        print(f"emulator.sh: {error}", file=sys.stderr)
    except OSError as error:
        print(f"emulator.sh: {error.filename or home.path}: {error.strerror}", file=sys.stderr)
    return 1


def _run(arguments: argparse.Namespace, home: Home) -> int:
    if arguments.command in ("up", "down"):
        _clean_up_on_signals()
        with home.alone():
            return _up(home, arguments.port) if arguments.command == "up" else _down(home)
    found = home.running()
    if found is None:
        raise EmulatorError("no account is running; start one with: scripts/emulator.sh up")
    if arguments.command == "exec":
        _execute(found, arguments.argv)
    print(f"running at {found.endpoint} (process {found.pid}, log {home.log})")
    return 0


def _clean_up_on_signals() -> None:
    """From now on the first signal to end makes this process clean up and exit; later ones do not disturb it."""
    signals = {number for number in ENDING_SIGNALS if signal.getsignal(number) != signal.SIG_IGN}

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for number in signals:
        signal.signal(number, leave)


def _up(home: Home, port: int | None) -> int:
    running = home.running()
    if running:
        if port not in (None, running.port):
            raise EmulatorError(
                f"the account runs on port {running.port} already; to have it on another, first run: "
                "scripts/emulator.sh down"
            )
        print(f"Running already at {running.endpoint}.", file=sys.stderr)
    else:
        print("Starting the emulated account ...", file=sys.stderr)
        started = time.monotonic()
        answered: list[float] = []
        running = start(home, port, on_answer=lambda: answered.append(time.monotonic() - started))
        took = f"{time.monotonic() - started:.1f} s (it answered after {answered[0]:.1f} s)"
        print(f"Ready at {running.endpoint} after {took}.", file=sys.stderr)
    _print_exports(running)
    return 0


def _down(home: Home) -> int:
    print("The account is down." if end(home) else "No account was running.", file=sys.stderr)
    return 0


def _execute(running: Running, argv: list[str]) -> NoReturn:
    """Become the command."""
    command = argv[1:] if argv[:1] == ["--"] else argv
    if not command:
        raise EmulatorError("say what to run, for instance: scripts/emulator.sh exec aws s3 ls")
    binaries = Path(sys.executable).parent
    own = {name: value for name, value in os.environ.items() if name not in foreign_settings(os.environ)}
    environment = {**own, **client_environment(running), "PATH": f"{binaries}:{os.environ.get('PATH', '')}"}
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - running it is what was asked for
    except OSError as error:
        raise EmulatorError(f"{command[0]!r} cannot be run: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(main())
