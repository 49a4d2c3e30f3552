#!/usr/bin/env bash
# Measure what the path around the encoder costs. Prints Markdown; see: scripts/bench_path.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)

case "${1:-}" in
-h | --help)
    cat <<'TEXT'
Usage: scripts/bench_path.sh [--rounds N] [--seconds S]

Sends a clip through the emulated pipeline and encodes the same clip without it, in turn; starts the account and the bare
emulator in turn too. Prints the medians as Markdown.

  --rounds N   rounds of each side (default: 7)
  --seconds S  length of the 720p clip (default: 10)
TEXT
    exit 0
    ;;
esac

# shellcheck source-path=SCRIPTDIR source=own_account.sh
. "$root/scripts/own_account.sh"

PYTHONPATH="$root" run_in_account "$root/.venv/bin/python" -P -m scripts.bench_path "$@"
