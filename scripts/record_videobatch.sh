#!/usr/bin/env bash
# Record what videobatch shows, for the README. See: scripts/record_videobatch.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)

case "${1:-}" in
-h | --help)
    cat <<'TEXT'
Usage: scripts/record_videobatch.sh

Runs videobatch submit --wait and videobatch watch on a terminal of 80 columns, against an emulated account of their
own, and writes what they show as moving pictures: docs/videobatch-submit.svg and docs/videobatch-watch.svg.
TEXT
    exit 0
    ;;
"") ;;
*)
    echo "record_videobatch.sh: it takes no arguments; see scripts/record_videobatch.sh --help" >&2
    exit 2
    ;;
esac

"$root/scripts/setup.sh" dev
# shellcheck source-path=SCRIPTDIR source=own_account.sh
. "$root/scripts/own_account.sh"

PYTHONPATH="$root" run_in_account "$root/.venv/bin/python" -P -m scripts.record_videobatch
