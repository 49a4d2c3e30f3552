#!/usr/bin/env bash
# Watermark a video through the whole emulated pipeline, from nothing. See: scripts/demo.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)

case "${1:-}" in
-h | --help)
    cat <<'TEXT'
Usage: scripts/demo.sh [VIDEO] [WATERMARK]

Sends VIDEO (.mp4) through S3, Lambda, Step Functions and a Fargate task, all emulated on this machine, and writes
out/<name>.mp4 and out/<name>.png, the same frame before and after; out/ lies in the checkout. Nothing is left running.

  VIDEO      an .mp4 file; left out: a clip made on the spot
  WATERMARK  a picture (.png, .apng, .jpg, .jpeg, .webp or .gif), or a .json file that describes overlays (its
             pictures lie beside it); left out: the emulated account's default watermark
TEXT
    exit 0
    ;;
esac

# shellcheck source-path=SCRIPTDIR source=own_account.sh
. "$root/scripts/own_account.sh"

PYTHONPATH="$root" run_in_account "$root/.venv/bin/python" -P -m scripts.demo "$@"
