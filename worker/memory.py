"""What the kernel says of memory: how much this process has, and whether it has killed for want of it."""

from pathlib import Path

_STATUS = Path("/proc/self/status")
# The control group of the container: version 2, then version 1.
_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/sys/fs/cgroup/memory/memory.oom_control"))


def own_memory() -> int:
    """Return the bytes that only this process has, without what the kernel could read again from files; 0 if unknown.

    https://docs.kernel.org/filesystems/proc.html (status, RssAnon)
    """
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


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
