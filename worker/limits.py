"""What keeps the engine's process, which looks at untrusted files, away from everything else."""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
OPEN_FILES = 64
FIRST_TO_BE_KILLED = "1000"  # proc(5), oom_score_adj


def hide_from_same_user() -> None:
    """Keep other processes of the same user out of this one's memory and environment; called by the worker.

    The engine gets no environment, but runs as the same user and could read the worker's in /proc, with the address and
    token of the task role's credentials. The kernel refuses that from now on to everyone without CAP_SYS_PTRACE: in a
    container whose user is not root, or whose root has just a container's usual capabilities.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def confine(parent: int, output_bytes: int) -> None:
    """Set the limits of this process for good.

    Args:
        parent: Process id of the worker; this process dies with it.
        output_bytes: The largest file it may write.
    """
    _limit(resource.RLIMIT_CORE, 0)  # a core dump would hold the video, and may fill the disk
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, output_bytes)
    # No limit on RLIMIT_AS: threads and allocators reserve far more addresses than memory; the task's own limit holds.
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # Where memory runs out the kernel ends this process and never the worker, who tells what happened.
        with contextlib.suppress(OSError):  # not every sandbox of a container has the file
            Path("/proc/self/oom_score_adj").write_text(FIRST_TO_BE_KILLED)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with contextlib.suppress(ValueError, OSError):  # a container may forbid it; its own limits hold then
        resource.setrlimit(kind, (value, value))
