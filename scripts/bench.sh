#!/usr/bin/env bash
# Compare the engine with ffmpeg's own command and with moviepy. Prints Markdown; see: scripts/bench.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
"$root/scripts/setup.sh" local
PYTHONPATH="$root" exec "$root/.venv/bin/python" -P -m scripts.bench "$@"
