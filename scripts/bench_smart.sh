#!/usr/bin/env bash
# Measure what copying saves where a watermark shows in part only. Prints Markdown; see: scripts/bench_smart.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)

case "${1:-}" in
-h | --help)
    cat <<'TEXT'
Usage: scripts/bench_smart.sh [--seconds S] [--mark-seconds S] [--size WxH] [--rounds N]

Marks a clip in part only, copying what the mark does not touch, and encodes all of it in turn; then compares every frame
of both results with the source.

  --seconds S       length of the clip (default: 600)
  --mark-seconds S  how long the mark shows (default: 5)
  --size WxH        of the picture (default: 1280x720)
  --rounds N        rounds of each way (default: 1)
TEXT
    exit 0
    ;;
esac

"$root/scripts/setup.sh" dev
PYTHONPATH="$root" exec "$root/.venv/bin/python" -P -m scripts.bench_smart "$@"
