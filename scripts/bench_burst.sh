#!/usr/bin/env bash
# Measure what a burst of uploads costs beside the bare encodes. Prints Markdown; see: scripts/bench_burst.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)

case "${1:-}" in
-h | --help)
    cat <<'TEXT'
Usage: scripts/bench_burst.sh [--uploads N] [--seconds S]

Encodes a clip again and again, one at a time on each CPU, without the pipeline; uploads it many times at once to an
emulated account without Docker, and waits for all results. Prints how much longer the burst takes than the encodes.

  --uploads N  how many (default: 200)
  --seconds S  length of the 720p clip (default: 10)
TEXT
    exit 0
    ;;
esac

# shellcheck source-path=SCRIPTDIR source=own_account.sh
. "$root/scripts/own_account.sh"

PYTHONPATH="$root" run_in_account "$root/.venv/bin/python" -P -m scripts.bench_burst "$@"
