"""The emulated account as background processes, for machines without Docker: ``up``, ``status``, ``exec`` and ``down``.

One account lives in one folder (``EMULATOR_HOME``, by default ``.emulator/`` in the checkout), so that any number of
them run side by side. Nothing is kept when it goes ``down`` but its log.
"""

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
HOOKS = Path(__file__).resolve().parent / "ready.d"
PREFERRED_PORT = 4566
START_TIMEOUT_SECONDS = 240
STOP_TIMEOUT_SECONDS = 12  # nothing is kept, so there is little to wait for
POLL_SECONDS = 0.1
LOG_TAIL_LINES = 25
READY_PATH = "/_localstack/init/ready"
REGION = "us-east-1"

# Settings of LocalStack, the extension and the hook that a user may set in their own shell.
PASSED_ON = ("DEBUG", "LS_LOG", "FARGATE_", "LAMBDA_", "STACK_", "WORKER_IMAGE", "AWS_DEFAULT_REGION")


class EmulatorError(Exception):
    """The account cannot be brought up or reached; the message is for the user."""


@dataclass(frozen=True)
class Running:
    """An account that was started and has not been taken down."""

    pid: int
    created: float
    """When the process began, in seconds since the epoch: a process id alone may by now be somebody else's."""
    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def process(self) -> psutil.Process | None:
        """The process, or None if it has ended."""
        try:
            process = psutil.Process(self.pid)
            alive = process.create_time() == self.created and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if alive else None


class Home:
    """The folder of one account."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "localstack.log"
        self.files = path / "files"
        self._state = path / "emulator.json"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder: of two that start or end its account, one waits for the other."""
        self.path.mkdir(parents=True, exist_ok=True)
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def remember(self, running: Running) -> None:
        written = self._state.with_suffix(".new")
        written.write_text(json.dumps(asdict(running)))
        written.replace(self._state)

    def running(self) -> Running | None:
        """The account of this folder if it is alive."""
        try:
            running = Running(**json.loads(self._state.read_text()))
        except FileNotFoundError:
            return None
        return running if running.process() else None

    def clear(self) -> None:
        self._state.unlink(missing_ok=True)
        shutil.rmtree(self.files, ignore_errors=True)

    def log_tail(self) -> str:
        """The end of the log without our own questions whether it is ready."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        lines = [line for line in text.splitlines() if READY_PATH not in line]
        return "\n".join(lines[-LOG_TAIL_LINES:])


def up(home: Home, port: int | None, on_answer: Callable[[], None] = lambda: None) -> Running:
    """Start the account and return once an upload would work. Does nothing if it is running already.

    Args:
        home: the account's folder.
        port: where to listen; None for the usual port, or a free one if that is taken.
        on_answer: called when the emulator first answers; the stack is deployed after that.

    Raises:
        EmulatorError: it ended, or did not get ready, or its hook failed; nothing is left running then.
    """
    if running := home.running():
        return running
    home.clear()
    with contextlib.ExitStack() as start:
        start.enter_context(_only_one_chooses_a_port())
        running = _spawn(home, _choose_port(port))

        def answered() -> None:
            start.close()
            on_answer()

        _see_it_start(home, running, answered)
    return running


def _see_it_start(home: Home, running: Running, on_answer: Callable[[], None]) -> None:
    try:
        home.remember(running)
        _wait_until_ready(home, running, on_answer)
    except BaseException:  # Ctrl-C too must leave nothing behind
        _end(running)
        home.clear()
        raise


def down(home: Home) -> bool:
    """End the account with everything that runs in it; says whether there was one."""
    running = home.running()
    if running:
        _end(running)
    home.clear()
    return running is not None


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


@contextlib.contextmanager
def _only_one_chooses_a_port() -> Iterator[None]:
    """Hold all other starts of this user back: a port that was found free is taken only once the emulator listens."""
    with Path(f"/tmp/emulated-account-{os.getuid()}.lock").open("w") as lock:  # noqa: S108 - TMPDIR may differ by account
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _choose_port(wanted: int | None) -> int:
    for port in [wanted] if wanted else [PREFERRED_PORT, 0]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EmulatorError(f"port {wanted} is in use; choose another with --port, or leave it out to get a free one")


def _spawn(home: Home, port: int) -> Running:
    init = home.files / "etc" / "localstack" / "init"
    init.mkdir(parents=True)
    (init / "ready.d").symlink_to(HOOKS)
    temporary = home.files / "tmp"
    temporary.mkdir()
    binaries = Path(sys.executable).parent
    environment = {
        "PATH": f"{binaries}:{os.environ.get('PATH', os.defpath)}",
        "HOME": str(home.files),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "LOCALSTACK_HOST": f"127.0.0.1:{port}",  # in the addresses that it hands out: they must not need a name server
        "SQS_ENDPOINT_STRATEGY": "path",
        "FILESYSTEM_ROOT": str(home.files),
        "LOCALSTACK_VOLUME_DIR": str(home.files / "volume"),
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",  # LocalStack's usage statistics
        # A development container is a container too, but this account's files lie in its own folder all the same.
        "OVERRIDE_IN_DOCKER": "0",
        "DNS_ADDRESS": "0",  # no DNS server, and no look-up of the internet at the start
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "FARGATE_LAUNCHER": "process",
        "FARGATE_PROCESS_IMAGES": json.dumps({"video-worker": [str(binaries / "video-worker")]}),
    }
    environment.update({name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)})
    with home.log.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "localstack.runtime.main"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Running(pid=process.pid, created=psutil.Process(process.pid).create_time(), port=port)


def _wait_until_ready(home: Home, running: Running, on_answer: Callable[[], None]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    answered = False
    while time.monotonic() < deadline:
        if running.process() is None:
            raise EmulatorError(f"the emulator ended while starting. The end of {home.log}:\n{home.log_tail()}")
        if state := _init_state(running):
            if not answered:
                answered = True
                on_answer()
            failed = [script["name"] for script in state["scripts"] if script["state"] == "ERROR"]
            if failed:
                raise EmulatorError(f"the hook {', '.join(failed)} failed. The end of {home.log}:\n{home.log_tail()}")
            if state["completed"]:
                _check_hooks_ran(state)
                return
        time.sleep(POLL_SECONDS)
    raise EmulatorError(f"not ready after {START_TIMEOUT_SECONDS} s. The end of {home.log}:\n{home.log_tail()}")


def _check_hooks_ran(state: dict[str, Any]) -> None:
    ran = {script["name"] for script in state["scripts"] if script["state"] == "SUCCESSFUL"}
    missing = {hook.name for hook in HOOKS.iterdir()} - ran
    if missing:
        raise EmulatorError(f"the hook {', '.join(sorted(missing))} was not run, so the account is empty")


def _init_state(running: Running) -> dict[str, Any] | None:
    """What LocalStack says of its ready.d hooks; its own "Ready." in the log is printed even if one failed."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy the shell names
    with contextlib.suppress(OSError), direct.open(running.endpoint + READY_PATH, timeout=2) as answer:
        state: dict[str, Any] = json.load(answer)
        return state
    return None


def _end(running: Running) -> None:
    process = running.process()
    if process is None:
        return
    # Those that it would leave behind, such as a hook that still deploys, have to be known before it ends.
    everything = [process, *process.children(recursive=True)]
    process.send_signal(signal.SIGTERM)
    psutil.wait_procs([process], timeout=STOP_TIMEOUT_SECONDS)
    for each in everything:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(everything, timeout=5)


def _print_exports(running: Running) -> None:
    for name in sorted(foreign_settings(os.environ)):
        print(f"unset {name}")
    for name, value in client_environment(running).items():
        print(f"export {name}={value}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emulator.sh", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start the account, wait until uploads work, print the lines to export")
    start.add_argument("--port", type=int, help=f"port to listen on (default: {PREFERRED_PORT}, or a free one)")
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
        return 1
    except KeyboardInterrupt:
        return 130


def _run(arguments: argparse.Namespace, home: Home) -> int:
    if arguments.command == "up":
        print("Starting the emulated account ...", file=sys.stderr)
        started = time.monotonic()
        answered: list[float] = []
        with home.alone():
            running = up(home, arguments.port, on_answer=lambda: answered.append(time.monotonic() - started))
        took = f" after {time.monotonic() - started:.1f} s (it answered after {answered[0]:.1f} s)" if answered else ""
        print(f"Ready at {running.endpoint}{took}.", file=sys.stderr)
        _print_exports(running)
        return 0
    if arguments.command == "down":
        with home.alone():
            ended = down(home)
        print("The account is down." if ended else "No account was running.", file=sys.stderr)
        return 0
    found = home.running()
    if found is None:
        raise EmulatorError("no account is running; start one with: scripts/emulator.sh up")
    if arguments.command == "status":
        print(f"running at {found.endpoint} (process {found.pid}, log {home.log})")
        return 0
    if not arguments.argv:
        raise EmulatorError("say what to run, for instance: scripts/emulator.sh exec aws s3 ls")
    binaries = Path(sys.executable).parent
    own = {name: value for name, value in os.environ.items() if name not in foreign_settings(os.environ)}
    environment = {**own, **client_environment(found), "PATH": f"{binaries}:{os.environ.get('PATH', '')}"}
    try:
        os.execvpe(arguments.argv[0], arguments.argv, environment)  # noqa: S606 - running it is what was asked for
    except FileNotFoundError:
        raise EmulatorError(f"there is no command {arguments.argv[0]!r}") from None


if __name__ == "__main__":
    sys.exit(main())
