#!/usr/bin/env bash
# Measure what copying saves where a watermark shows in part only. Prints Markdown; see: scripts/bench_smart.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
"$root/scripts/setup.sh" dev
PYTHONPATH="$root" exec "$root/.venv/bin/python" -P -m scripts.bench_smart "$@"
