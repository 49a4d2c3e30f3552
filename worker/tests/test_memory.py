import subprocess
import sys
from pathlib import Path

from worker.tests.media import Clip, make_clip

# Peak memory of the engine's process, in KB, after each video; a process of its own, since the peak is that of all
# children so far.
SCRIPT = """
import resource, sys
from pathlib import Path
from worker.local import run_local
folder, *clips = map(Path, sys.argv[1:])
for clip in clips:
    run_local(clip, folder / "out.mp4", folder / "logo.png", lambda *_: None)
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_length(tmp_path: Path, logo: Path) -> None:
    assert logo.exists()
    short = make_clip(tmp_path / "short.mp4", Clip(seconds=4))
    long = make_clip(tmp_path / "long.mp4", Clip(seconds=30))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), str(short), str(long)],
        stdout=subprocess.PIPE, check=True, timeout=120,
    )  # fmt: skip
    first, second = map(int, done.stdout.split())
    # 26 s more: 56 MB as frames. The index costs some 100 bytes a frame.
    assert second - first < 8_000, f"{first} KB, then {second} KB"
