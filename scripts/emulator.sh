#!/usr/bin/env bash
# The emulated account, kept running in the background. See: scripts/emulator.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
"$root/scripts/setup.sh" local
PYTHONPATH="$root" exec "$root/.venv/bin/python" -P -m localstack_init.emulator "$@"
