#!/usr/bin/env bash
# Measure what a Fargate task costs beside a bare container. Prints Markdown; see: scripts/bench_starts.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
"$root/scripts/setup.sh" dev
PYTHONPATH="$root" exec "$root/.venv/bin/python" -P -m scripts.bench_starts "$@"
