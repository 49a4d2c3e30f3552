"""The end of an account, with programs in the emulator's place."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from localstack_init.home import Home, Running
from localstack_init.lifecycle import end

# What it has started ends itself once it has ended, but for one that it starts at the very last.
EMULATOR = """
import os, signal, subprocess, sys, time
own_session = {"start_new_session": True}
guard = subprocess.Popen(["sh", "-c", "read -r _ || sleep 0.3; touch guarded"], stdin=subprocess.PIPE, **own_session)
def leave(*_):
    late = subprocess.Popen(["sleep", "1000"], **own_session)
    open("late", "w").write(str(late.pid))
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
time.sleep(1000)
"""


def runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_is_started_while_it_ends_is_ended_too_and_guards_may_do_their_work(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    (home.files / "tmp").mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, "-c", EMULATOR],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(home.files / "tmp")},
        stdout=subprocess.PIPE,
    ) as emulator:
        assert emulator.stdout
        assert emulator.stdout.readline() == b"ready\n"
        home.remember(Running(emulator.pid, psutil.Process(emulator.pid).create_time(), port=1))

        assert end(home)

    assert not runs(int((tmp_path / "late").read_text()))
    assert (tmp_path / "guarded").exists()
