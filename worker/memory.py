"""Whether the kernel has killed for memory: its own count, since a SIGKILL does not say who sent it."""

from pathlib import Path

# The control group of the container: version 2, then version 1.
_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/sys/fs/cgroup/memory/memory.oom_control"))


def out_of_memory_kills() -> int:
    """Return how many processes of this container the kernel has killed for memory; 0 where it does not say.

    https://docs.kernel.org/admin-guide/cgroup-v2.html (memory.events), cgroup-v1/memory.html (memory.oom_control)
    """
    for counter in _COUNTERS:
        try:
            lines = counter.read_text().splitlines()
        except OSError:
            continue
        return sum(int(line.split()[1]) for line in lines if line.split()[:1] == ["oom_kill"])
    return 0
