"""What the library of AV1's encoder does to the process that it is in, and what is done about it."""

import ctypes
import os
import sys

_CAP_SYS_NICE = 1 << 23  # linux/capability.h
_CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Set(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def be_considerate() -> None:
    """Have SVT-AV1 write errors only, and run as everything else does; call it in the thread that opens the encoder.

    It writes to standard error, whatever FFmpeg's level is. Where it may, as root may, it makes its threads real-time,
    and the one that opens it for good: then nothing else on the machine gets a CPU before it.
    """
    os.environ["SVT_LOG"] = "1"
    if sys.platform == "linux":
        _give_up_priorities()


def _give_up_priorities() -> None:
    """Give up the capability to make threads real-time; where the kernel refuses to, it refuses that as well."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(_CAPABILITY_VERSION_3, 0), (_Set * 2)()
    if libc.capget(ctypes.byref(header), sets) == 0 and sets[0].effective & _CAP_SYS_NICE:
        sets[0].effective &= ~_CAP_SYS_NICE
        libc.capset(ctypes.byref(header), sets)
