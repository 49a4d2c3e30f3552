"""`python -m worker` is `video-worker`."""

import sys

from worker.cli import main

sys.exit(main())
