#!/usr/bin/env bash
# Resolve requirements/*.in into hashed locks beside them. Run it after changing a .in file, then commit both.
#
# LocalStack's last open release leaves its dependencies open-ended and newer ones break it, so all is resolved as of
# the week after that release; only the engine's libraries are younger.
set -euo pipefail

case "${1:-}" in
-h | --help)
    cat <<'TEXT'
Usage: scripts/lock.sh

Resolves requirements/*.in into the hashed locks beside them, as of fixed dates (docs/adr/0004). Run it after changing
a .in file, then commit both. It needs uv.
TEXT
    exit 0
    ;;
"") ;;
*)
    echo "lock.sh: it takes no arguments; see scripts/lock.sh --help" >&2
    exit 2
    ;;
esac
cd "$(dirname "$0")/../requirements"

command -v uv >/dev/null || { echo "lock.sh: uv is needed to resolve; install it with: pip install uv" >&2; exit 1; }

as_of=2026-04-05
engine_as_of=2026-11-20
scanners_as_of=2026-11-20 # which know more the younger they are
engine=()
for package in av pillow fontpkg fontpkg-noto-sans fontpkg-rubik; do
    engine+=(--exclude-newer-package "$package=$engine_as_of")
done

compile() {
    uv pip compile --quiet --python-version 3.13 --generate-hashes --no-emit-index-url \
        --no-emit-find-links --no-annotate --custom-compile-command scripts/lock.sh \
        --exclude-newer "$as_of" "${engine[@]}" \
        "$@"
}

compile dev.in -o dev.txt
compile local.in -c dev.txt -o local.txt
compile worker.in -c dev.txt -o worker.txt
compile videobatch.in -c dev.txt -o videobatch.txt
compile emulator.in -c dev.txt -o emulator.txt
compile build.in -c dev.txt -o build.txt
compile bench.in -o bench.txt
as_of=$scanners_as_of compile scan.in -o scan.txt
