"""A filter in the kernel: once it is installed, this process works on what is open already and reaches nothing else.

What it allows is a list of system calls, and to the process no others exist: none that opens a file, makes a socket,
starts a program or another process, names a file to remove or replace, or looks at another process. So not even code
that a hostile file smuggles into a decoder can read or write more than the descriptors that the worker handed over.

One thing it cannot keep secret: whether a name exists, and what stat says of it. C libraries before glibc 2.39 make
fstat of newfstatat with AT_EMPTY_PATH and an empty name, and no filter can look at a name.

The format: https://docs.kernel.org/userspace-api/seccomp_filter.html; struct seccomp_data of linux/seccomp.h.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from dataclasses import dataclass

# Instructions of a filter: linux/bpf_common.h.
_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_IF_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_JUMP_IF_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data; an argument has 8 bytes, low ones first

_ALLOW = 0x7FFF0000  # SECCOMP_RET_*
_KILL = 0x80000000
_ERRNO = 0x00050000

_SET_MODE_FILTER, _ALL_THREADS = 1, 1  # SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC

# Calls since Linux 5.1 have one number everywhere. What a C library finds missing there, such as clone3, it replaces by
# an older call; any other error it would report.
_FIRST_RECENT_CALL = 424

_CLONE_THREAD = 0x10000  # linux/sched.h
_AT_EMPTY_PATH = 0x1000  # linux/fcntl.h
_TCGETS, _FIOCLEX = 0x5401, 0x5451  # asm-generic/ioctls.h: what Python asks of descriptors
_DESCRIPTOR_COMMANDS = (1, 2, 3, 1030)  # F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC
_THREAD_NAME = (15, 16)  # PR_SET_NAME, PR_GET_NAME

# Number of each call on x86-64 and on ARM64: asm/unistd_64.h, asm-generic/unistd.h.
_ALLOWED = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67), "pwrite64": (18, 68),
    "lseek": (8, 62), "fstat": (5, 80), "ftruncate": (77, 46), "fsync": (74, 82), "fadvise64": (221, 223),
    "close": (3, 57), "dup": (32, 23),
    "mmap": (9, 222), "munmap": (11, 215), "mprotect": (10, 226), "mremap": (25, 216), "madvise": (28, 233),
    "brk": (12, 214), "mincore": (27, 232), "membarrier": (324, 283), "get_mempolicy": (239, 236),
    "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293), "restart_syscall": (219, 128),
    "exit": (60, 93), "exit_group": (231, 94),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "getpid": (39, 172), "gettid": (186, 178), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176),
    "getegid": (108, 177),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120), "sched_get_priority_max": (146, 125), "sched_get_priority_min": (147, 126),
    "getcpu": (309, 168),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101),
    "gettimeofday": (96, 169), "getrandom": (318, 278), "getrusage": (98, 165), "times": (100, 153),
    "sysinfo": (99, 179), "uname": (63, 160),
}  # fmt: skip


@dataclass(frozen=True)
class _Architecture:
    """What differs between processors.

    Attributes:
        audit: AUDIT_ARCH_* of linux/audit.h.
        column: Which number of a pair is its own.
    """

    audit: int
    column: int


_ARCHITECTURES = {"x86_64": _Architecture(0xC000003E, 0), "aarch64": _Architecture(0xC00000B7, 1)}


def forbid_all_but_work() -> bool:
    """Install the filter for all threads of this process, for good; PR_SET_NO_NEW_PRIVS must be set.

    Returns:
        Whether it holds now: not on other systems and processors, nor where a container forbids filters.
    """
    architecture = _ARCHITECTURES.get(platform.machine())
    if sys.platform != "linux" or architecture is None:
        return False
    code = b"".join(_filter(architecture, os.getpid()))
    program = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: the number of instructions of 8 bytes each, and where they are
    description = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(program)))
    seccomp = (317, 277)[architecture.column]
    failed: int = ctypes.CDLL(None).syscall(seccomp, _SET_MODE_FILTER, _ALL_THREADS, description)
    return failed == 0


def _filter(architecture: _Architecture, process: int) -> list[bytes]:
    def number(x86_64: int, arm64: int) -> int:
        return (x86_64, arm64)[architecture.column]

    return [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_JUMP_IF_EQUAL, architecture.audit, 1, 0),
        _instruction(_RETURN, _KILL),  # the calls of another architecture have other numbers
        _instruction(_LOAD, _NUMBER),
        _instruction(_JUMP_IF_AT_LEAST, _FIRST_RECENT_CALL, 0, 1),
        _instruction(_RETURN, _ERRNO | errno.ENOSYS),
        *(part for numbers in _ALLOWED.values() for part in _allow(number(*numbers))),
        *_allow_if(number(56, 220), 0, _JUMP_IF_ANY_BIT, _CLONE_THREAD),  # clone
        *_allow_if(number(262, 79), 3, _JUMP_IF_ANY_BIT, _AT_EMPTY_PATH),  # newfstatat, as which fstat comes
        *_allow_if(number(72, 25), 1, _JUMP_IF_EQUAL, *_DESCRIPTOR_COMMANDS),  # fcntl
        *_allow_if(number(16, 29), 1, _JUMP_IF_EQUAL, _TCGETS, _FIOCLEX),  # ioctl
        *_allow_if(number(157, 167), 0, _JUMP_IF_EQUAL, *_THREAD_NAME),  # prctl
        *_allow_if(number(302, 261), 0, _JUMP_IF_EQUAL, 0, process),  # prlimit64
        *_allow_if(number(234, 131), 0, _JUMP_IF_EQUAL, process),  # tgkill, of which abort is made
        _instruction(_RETURN, _ERRNO | errno.EPERM),
    ]


def _allow(number: int) -> list[bytes]:
    return [_instruction(_JUMP_IF_EQUAL, number, 0, 1), _instruction(_RETURN, _ALLOW)]


def _allow_if(number: int, argument: int, jump: int, *values: int) -> list[bytes]:
    checks = [part for value in values for part in (_instruction(jump, value, 0, 1), _instruction(_RETURN, _ALLOW))]
    return [
        _instruction(_JUMP_IF_EQUAL, number, 0, len(checks) + 2),
        _instruction(_LOAD, _ARGUMENTS + 8 * argument),
        *checks,
        _instruction(_RETURN, _ERRNO | errno.EPERM),
    ]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("@HBBI", code, if_true, if_false, value)
