"""Starting and ending one emulated account as a background process."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from localstack_init.home import READY_PATH, EmulatorError, Home, Running

ROOT = Path(__file__).resolve().parent.parent
HOOKS = Path(__file__).resolve().parent / "ready.d"
PREFERRED_PORT = 4566
START_TIMEOUT_SECONDS = 240
STOP_TIMEOUT_SECONDS = 12  # nothing is kept, so there is little to wait for
GUARD_SECONDS = 2
POLL_SECONDS = 0.1

# The index of all AWS services, made by setup.sh. The emulator would make it at its first request: that takes it three
# seconds, and the 400 MB that all services' models need are never given back.
SERVICE_CATALOG = Path(sys.prefix) / "localstack" / "usr" / "lib" / "localstack"

# Settings of LocalStack, the extension and the hook that a user may set in their own shell.
PASSED_ON = ("DEBUG", "LS_LOG", "EXTRA_CORS_", "FARGATE_", "LAMBDA_", "STACK_", "WORKER_IMAGE", "AWS_DEFAULT_REGION")


def start(home: Home, port: int | None, on_answer: Callable[[], None]) -> Running:
    """Start the account of a folder that is held and in which none runs; return once an upload would work.

    Args:
        home: the account's folder.
        port: where to listen; None for the usual port, or a free one if that is taken.
        on_answer: called when the emulator first answers; the stack is deployed after that.

    Raises:
        EmulatorError: it ended, or did not get ready, or its hook failed; nothing is left running then.
    """
    home.clear()
    with contextlib.ExitStack() as until_it_listens:
        until_it_listens.enter_context(_only_one_chooses_a_port())
        running = _spawn(home, _choose_port(port))

        def answered() -> None:
            until_it_listens.close()
            on_answer()

        _see_it_start(home, running, answered)
    return running


def _see_it_start(home: Home, running: Running, on_answer: Callable[[], None]) -> None:
    try:
        home.remember(running)
        _wait_until_ready(home, running, on_answer)
    except BaseException:  # a signal too must leave nothing behind
        _end_process(home, running)
        home.clear()
        raise


def end(home: Home) -> bool:
    """End the account of a folder that is held, with everything that runs in it; says whether there was one."""
    running = home.running()
    if running:
        _end_process(home, running)
    home.clear()
    return running is not None


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
            except OSError as error:
                reason = error.strerror
                continue
            return int(probe.getsockname()[1])
    raise EmulatorError(
        f"port {wanted} cannot be used: {reason}; choose another with --port, or leave it out to get a free one"
    )


def _spawn(home: Home, port: int) -> Running:
    init = home.files / "etc" / "localstack" / "init"
    init.mkdir(parents=True)
    (init / "ready.d").symlink_to(HOOKS)
    libraries = home.files / "usr" / "lib"
    libraries.mkdir(parents=True)
    (libraries / "localstack").symlink_to(SERVICE_CATALOG)
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
        "LAMBDA_KEEPALIVE_MS": "5000",  # an idle function's process keeps 67 MB
        "MALLOC_ARENA_MAX": "2",  # glibc keeps memory for every few of the threads that waiting jobs have
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
            raise _failed(home, "the emulator ended while starting")
        if state := _init_state(running):
            if not answered:
                answered = True
                on_answer()
            failed = [script["name"] for script in state["scripts"] if script["state"] == "ERROR"]
            if failed:
                raise _failed(home, f"the hook {', '.join(failed)} failed")
            if state["completed"]:
                _check_hooks_ran(state)
                return
        time.sleep(POLL_SECONDS)
    raise _failed(home, f"not ready after {START_TIMEOUT_SECONDS} s")


def _failed(home: Home, what: str) -> EmulatorError:
    """The error with the hook's own words first, for whoever reads no further."""
    return EmulatorError("\n".join([what, *home.hook_lines(), f"The end of {home.log}:", home.log_tail()]))


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


def _end_process(home: Home, running: Running) -> None:
    """End the emulator, and whatever is left of what it has started."""
    process = running.process()
    if process is None:
        return
    process.send_signal(signal.SIGTERM)
    psutil.wait_procs([process], timeout=STOP_TIMEOUT_SECONDS)
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
    # Functions and tasks have guards, which end with them once the emulator has ended. They are let do it: functions
    # would be left running by whoever kills a guard first. A hook that still deploys has none.
    ended = time.monotonic()
    while (left := _started_from(home)) and time.monotonic() < ended + STOP_TIMEOUT_SECONDS:
        if time.monotonic() > ended + GUARD_SECONDS:
            for each in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
        time.sleep(POLL_SECONDS)


def _started_from(home: Home) -> list[psutil.Process]:
    """The processes whose temporary files lie in an account's folder: an emulator, and all that it has started."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if Path(process.environ().get("TMPDIR", "/")).is_relative_to(home.files):
                found.append(process)
    return found
