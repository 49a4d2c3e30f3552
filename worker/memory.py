"""Memory: how large blocks are had, how much this process has, and whether the kernel has killed for want of it."""

import ctypes
import os
import sys
from pathlib import Path
from typing import Self

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
OWN_MAPPING_BYTES, MAX_MAPPING_BYTES = 1 << 20, 1 << 25  # the latter is the most that mallopt takes
HEAP_END_BYTES = 1 << 17  # as without us
STATUS_BYTES = 1 << 16  # it has some 1,500
_STATUS = Path("/proc/self/status")
# The control group of the container: version 2, then version 1.
_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/sys/fs/cgroup/memory/memory.oom_control"))


def map_large_blocks(least: int) -> None:
    """Let the C library allocate blocks of this many bytes or more outside its heap from now on, but at least of 1 MB.

    The index of an mp4 file grows in steps while it is read or written. In the heap each step may copy it and leave a
    hole, so that a long video took up to twice the memory; a mapping of its own grows in place and is given back whole.
    By default the library does so too, but only up to the first time that such a block is freed: see mallopt(3).

    Args:
        least: More than a frame has: those come and go, and from the heap they come faster. At most 32 MB.
    """
    if sys.platform == "linux":
        set_option = getattr(ctypes.CDLL(None), "mallopt", None)  # other libraries than GNU's have none, nor a need
        if set_option:
            least = min(least, MAX_MAPPING_BYTES)
            set_option(M_MMAP_THRESHOLD, max(least, OWN_MAPPING_BYTES))
            set_option(M_TRIM_THRESHOLD, max(2 * least, HEAP_END_BYTES))  # free at the end of the heap, and kept


class MemoryGauge:
    """How much memory this process has, in bytes; 0 where the system does not tell.

    What it reads is opened once: it works on where no file can be opened any more.
    https://docs.kernel.org/filesystems/proc.html (status)
    """

    def __init__(self) -> None:
        self._status = _STATUS.open("rb", buffering=0) if _STATUS.exists() else None

    def resident(self) -> int:
        """Return what it has in memory now."""
        return self._read(b"VmRSS:")

    def own(self) -> int:
        """Return the same without what the kernel could read again from files."""
        return self._read(b"RssAnon:")

    def peak(self) -> int:
        """Return the most that it has had in memory at a time."""
        return self._read(b"VmHWM:")

    def close(self) -> None:
        if self._status is not None:
            self._status.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, name: bytes) -> int:
        if self._status is None:
            return 0
        lines = os.pread(self._status.fileno(), STATUS_BYTES, 0).splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def out_of_memory_kills() -> int:
    """Return how many processes of this container the kernel has killed for memory; 0 where it does not say.

    A SIGKILL does not say who sent it, but the kernel counts its own.
    https://docs.kernel.org/admin-guide/cgroup-v2.html (memory.events), cgroup-v1/memory.html (memory.oom_control)
    """
    for counter in _COUNTERS:
        try:
            lines = counter.read_text().splitlines()
        except OSError:
            continue
        return sum(int(line.split()[1]) for line in lines if line.split()[:1] == ["oom_kill"])
    return 0
