"""The work behind scripts/record_videobatch.sh: what `videobatch` shows of jobs as they go on, as moving pictures."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.account import clean_up_on_sigterm, use_account
from scripts.recording import record
from scripts.sample_media import make_clip
from scripts.terminal_svg import moving_picture

ROOT = Path(__file__).resolve().parent.parent
EMULATOR = str(ROOT / "scripts" / "emulator.sh")
VIDEOBATCH = str(Path(sys.executable).parent / "videobatch")
CLIPS = {"holiday.mp4": 8, "harbour.mp4": 5, "ridge.mp4": 3}  # seconds
SUBMIT = ("submit", "--wait", "holiday.mp4", "list.mp4", "--position", "top-left")
WATCH = ("watch",)


def record_all(folder: Path) -> None:
    """Record both commands in a folder, on the account of the environment."""
    for name, seconds in CLIPS.items():
        make_clip(folder / name, seconds=seconds)
    (folder / "list.mp4").write_text("milk, eggs\n")
    _save("submit", SUBMIT, folder)
    subprocess.run([VIDEOBATCH, "submit", *CLIPS], cwd=folder, check=True, capture_output=True)
    _save("watch", WATCH, folder)


def _save(name: str, command: tuple[str, ...], folder: Path) -> None:
    shown = " ".join(("videobatch", *command))
    frames = record([VIDEOBATCH, *command], shown, folder)
    target = ROOT / "docs" / f"videobatch-{name}.svg"
    target.write_text(moving_picture(frames, f"What {shown} shows"))
    print(f"{target}: {len(frames)} frames, {target.stat().st_size / 1000:.0f} kB")


def main() -> None:
    clean_up_on_sigterm()
    use_account(subprocess.run([EMULATOR, "up"], check=True, capture_output=True, text=True).stdout)
    with TemporaryDirectory() as folder:
        record_all(Path(folder))


if __name__ == "__main__":
    main()
