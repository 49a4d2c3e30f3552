"""The command line: `videobatch`."""

import io
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click
import typer

from videobatch.account import add_options
from videobatch.commands import watermark
from videobatch.commands.backfill import backfill
from videobatch.commands.cancel import cancel
from videobatch.commands.doctor import doctor
from videobatch.commands.fetch import fetch
from videobatch.commands.jobs import jobs
from videobatch.commands.logs import logs
from videobatch.commands.redrive import redrive
from videobatch.commands.retry import retry
from videobatch.commands.show import show
from videobatch.commands.submit import submit
from videobatch.commands.watch import watch
from videobatch.errors import INTERRUPTED_EXIT_CODE, OperatorError, explain
from videobatch.output import remark, say_error
from worker.errors import WatermarkError

HELP = """Operate the video watermark pipeline: submit, watch, look into and mend its jobs.

Which account it is about is the SDK's own affair: AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL and so on.

The options of "Account and output" may stand before a command's name or after it.
"""

STOPPING = (signal.SIGTERM, signal.SIGHUP)  # the latter is a terminal that was closed, or a lost connection


def application() -> click.Command:
    """Return the command line with all its commands."""
    app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False)
    for command in (submit, watch, jobs, show, logs, fetch, cancel, retry, redrive, backfill, doctor):
        app.command()(command)
    app.add_typer(watermark.group, name="watermark")
    built = typer.main.get_command(app)
    add_options(built)
    return built


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code, as `videobatch.errors` lists them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names need not be what a terminal can show
    stopped = INTERRUPTED_EXIT_CODE

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        nonlocal stopped
        signal.signal(number, signal.SIG_IGN)
        stopped = 128 + number
        raise KeyboardInterrupt  # at which everything cleans up, as at Ctrl-C

    for number in STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, stop)
    try:
        result = application().main(arguments, prog_name="videobatch", standalone_mode=False)
        sys.stdout.flush()  # while there is somebody to tell that it cannot be written
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except WatermarkError as error:
        say_error(OperatorError(f"{error.code}: {error.message}", error.hint))
        return error.exit_code
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        say_error(explained)
        _drop_what_cannot_be_written()
        return explained.exit_code
    if result == INTERRUPTED_EXIT_CODE:  # as typer has it for a KeyboardInterrupt
        remark("videobatch: stopped")
        return stopped
    return result if isinstance(result, int) else 0


def _drop_what_cannot_be_written() -> None:
    """Let Python's own flush at the exit succeed: where it fails it makes the exit code 120."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
