#!/usr/bin/env bash
# Compare the engine with ffmpeg's own command and with moviepy. Prints Markdown; see: scripts/bench.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)

case "${1:-}" in
-h | --help)
    cat <<'TEXT'
Usage: scripts/bench.sh [--quick] [--rounds N] [--clips CLIP ...] [--tools TOOL ...] [--ffmpeg FFMPEG]
                        [--keep FOLDER] [--path] [--write]

Marks clips with ffmpeg's own command, with moviepy and with the profiles of this engine, in turn; prints CPU time, wall
time, memory, bytes, VMAF and SSIM of each as Markdown. It wants an ffmpeg (Debian: apt-get install ffmpeg).

  --quick           one round of clips of a second, to try it: the figures say nothing
  --rounds N        rounds of each tool on each clip (default: 3)
  --clips CLIP ...  only these (default: all)
  --tools TOOL ...  only these and ffmpeg (default: all)
  --ffmpeg FFMPEG   the ffmpeg to compare with (default: the one on the PATH)
  --keep FOLDER     leave clips and results there
  --path            measure the path around the engine too (bench_path.sh)
  --write           write docs/benchmarks.md and its chart
TEXT
    exit 0
    ;;
esac

"$root/scripts/setup.sh" local
PYTHONPATH="$root" exec "$root/.venv/bin/python" -P -m scripts.bench "$@"
