"""What the engine's process takes away from itself before it looks at the first byte of an untrusted file."""

import contextlib
import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PR_SET_NO_NEW_PRIVS = 38
OPEN_FILES = 64


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
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with contextlib.suppress(ValueError, OSError):  # a container may forbid it; its own limits hold then
        resource.setrlimit(kind, (value, value))
