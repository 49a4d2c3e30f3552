#!/usr/bin/env bash
# Measure what the path around the encoder costs. Prints Markdown; see: scripts/bench_path.sh --help
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/setup.sh" local
EMULATOR_HOME=$(mktemp -d)
export EMULATOR_HOME
clean_up() {
    "$root/scripts/emulator.sh" down 2>/dev/null || true
    rm -rf "$EMULATOR_HOME"
}
trap clean_up EXIT
trap 'exit 130' INT
PYTHONPATH="$root" "$root/.venv/bin/python" -m scripts.bench_path "$@"
