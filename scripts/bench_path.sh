#!/usr/bin/env bash
# Measure what the path around the encoder costs. Prints Markdown; see: scripts/bench_path.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source-path=SCRIPTDIR source=own_account.sh
. "$root/scripts/own_account.sh"

PYTHONPATH="$root" run_in_account "$root/.venv/bin/python" -P -m scripts.bench_path "$@"
