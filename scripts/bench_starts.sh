#!/usr/bin/env bash
# Measure what a Fargate task costs beside a bare container. Prints Markdown; see: scripts/bench_starts.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)

case "${1:-}" in
-h | --help)
    cat <<'TEXT'
Usage: scripts/bench_starts.sh [--rounds N] [--tasks N] [--starts N]

Starts Fargate tasks and bare containers in turn, then many tasks at once. Prints Markdown; it needs Docker.

  --rounds N  rounds of the first comparison (default: 15; 0: none)
  --tasks N   tasks of the second (default: 100; 0: none)
  --starts N  FARGATE_MAX_STARTS of the emulator (default: its own)
TEXT
    exit 0
    ;;
esac

"$root/scripts/setup.sh" dev
PYTHONPATH="$root" exec "$root/.venv/bin/python" -P -m scripts.bench_starts "$@"
