"""The command line: `video-worker run` for a task, `video-worker local` for files."""

import argparse
import io
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from worker.engine.profiles import DEFAULT, PROFILES
from worker.errors import EncodeFailed, InternalError, Interrupted, OutputMismatch, WatermarkError
from worker.limits import hide_from_same_user
from worker.local import run_local
from worker.log import log_as_json
from worker.progress import ProgressLine
from worker.settings import JOB_ID, from_environment
from worker.stopping import StopRequested, heeded, request_stop, shielded, stop_on_signals
from worker.watermark import IMAGE_SUFFIXES

USAGE_ERROR = 2  # as argparse has it
DEFECTS = (EncodeFailed, OutputMismatch, InternalError)  # whose reports want the engine's last lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, the error's own, or 2 for arguments that make no sense."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be what a terminal can show
    parser = _parser()
    options, unknown = parser.parse_known_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return USAGE_ERROR
    if unknown:  # argparse itself would show the usage of all commands and of none
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        with stop_on_signals() as ignore_signals:
            if options.command == "run":
                with shielded():  # until there is a job: it can tell in the record that it was stopped
                    return _run(ignore_signals)
            with heeded():
                return _local(options.input, options.output, options.watermark, options.profile, not options.encode_all)
    except StopRequested:  # before or after the work itself, which cleans up and tells by itself
        return Interrupted.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="video-worker", description="Put a watermark on a video.")
    commands = parser.add_subparsers(dest="command")
    run = commands.add_parser(
        "run",
        help="do one job of the pipeline, described by environment variables",
        description="Fetch a video from S3, watermark it, publish the result and keep the job record. "
        "The job is described by the environment variables that worker/settings.py names.",
    )
    local = commands.add_parser(
        "local",
        help="do the same work on files, without AWS",
        description="Watermark a file. OUT appears only when the whole video is there and verified.",
        epilog="Example: video-worker local in.mp4 out.mp4 --watermark logo.png",
    )
    local.add_argument("input", metavar="IN", type=_path, help="an mp4 or mov file")
    local.add_argument(
        "output", metavar="OUT", type=_path, help="the file to write, in .mp4; replaced if it exists, behind a link too"
    )
    local.add_argument(
        "--watermark",
        metavar="FILE",
        type=_path,
        required=True,
        help=f"an image ({', '.join(IMAGE_SUFFIXES)}), or a .json file with settings whose images lie beside it",
    )
    local.add_argument(
        "--encode-all",
        action="store_true",
        help="encode also what the watermark does not touch, instead of copying it",
    )
    local.add_argument(
        "--profile",
        choices=PROFILES,
        default=DEFAULT,
        help="how hard the encoder works (default: %(default)s; av1 is for players that have AV1)",
    )
    for command in (run, local):
        command.set_defaults(parser=command)
    return parser


def _path(name: str) -> Path:
    if not name:  # a variable of a script that has no value; it would be the folder that one is in
        raise argparse.ArgumentTypeError("the name is empty")
    return Path(name)


def _run(on_end: Callable[[], None]) -> int:
    # Here, for work on files has no use for S3's client, which takes as long to load as a short video takes to encode.
    from worker.job import Job
    from worker.storage import Storage

    hide_from_same_user()
    log_as_json(os.environ.get(JOB_ID))
    try:
        settings = from_environment(os.environ)
        storage = Storage(settings.bucket)
    except WatermarkError as error:
        logging.getLogger(__name__).error("%s", error, extra={"error": error.as_record()})
        return error.exit_code
    return Job(settings, storage, on_end=on_end, on_relief=request_stop).run()


def _local(source: Path, output: Path, watermark: Path, profile: str, smart: bool) -> int:
    progress = ProgressLine(sys.stderr)
    try:
        result = run_local(source, output, watermark, progress.show, profile, smart)
    except StopRequested:
        error: WatermarkError = Interrupted("Stopped; nothing was written.")
    except WatermarkError as raised:
        error = raised
    else:
        progress.clear()
        print(f"{output}: {result.duration:.1f} s, {result.frames} frames")
        copied = result.frames - result.render["frames_encoded"]
        way = f"{copied} frames copied, the others encoded" if copied else "all frames encoded"
        print(f"{result.codec}, profile {profile}; {way}: {result.render['reason']}")
        for note in result.notes:
            print(f"note: {note}")
        return 0
    progress.clear()
    if isinstance(error, DEFECTS):
        print(*getattr(error, "__notes__", []), sep="\n", file=sys.stderr)
    print(f"{error.code}: {error.message}\n{error.hint_for_files()}", file=sys.stderr)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
