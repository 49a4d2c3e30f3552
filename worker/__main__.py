"""`video-worker`, as a command and as `python -m worker`: signals wait from the first line on, while all else loads."""

import sys

from worker.stopping import hold_back

hold_back()

from worker.cli import main  # noqa: E402 - it takes seconds where the CPU is slow

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
