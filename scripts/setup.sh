#!/usr/bin/env bash
# Make .venv hold exactly what a lock names, plus this project's own packages. Does nothing when nothing changed.
# See: scripts/setup.sh --help
set -euo pipefail

case "${1:-}" in
-h | --help)
    cat <<'TEXT'
Usage: scripts/setup.sh [local | dev]

Makes .venv in the checkout; does nothing if it is as it should be. All other scripts call this by themselves.

  local  what running needs (default)
  dev    the tests and linters too
TEXT
    exit 0
    ;;
"" | local | dev) ;;
*)
    echo "setup.sh: there is no set '$1'; use 'local' or 'dev'" >&2
    exit 2
    ;;
esac
cd "$(dirname "$0")/.."

# one at a time: two scripts may be started together
exec 9<requirements
if command -v flock >/dev/null; then flock 9; fi

wanted=${1:-local}
installed=$(cat .venv/installed.set 2>/dev/null || true)
[ "$installed" = dev ] && wanted=dev # it holds all of local

lock="requirements/$wanted.txt"
lock_stamp="$wanted $(cat "$lock" <(pwd) | sha256sum)"
packages_stamp=$(cat worker/pyproject.toml lambda/pyproject.toml videobatch/pyproject.toml localstack_fargate/pyproject.toml | sha256sum)
lock_done=$(cat .venv/installed.lock 2>/dev/null || true)
packages_done=$(cat .venv/installed.packages 2>/dev/null || true)
if [ "$lock_stamp" = "$lock_done" ] && [ "$packages_stamp" = "$packages_done" ]; then
    exit 0
fi

find_python() {
    for candidate in python3.13 python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    echo "setup.sh: Python 3.13 is needed and was not found. Install it (Debian trixie: apt install python3.13-venv;" \
        "else: uv python install 3.13) and run this again." >&2
    exit 1
}

if command -v uv >/dev/null; then
    install=(uv pip install --quiet --python .venv/bin/python)
else
    install=(.venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check)
fi

if [ "$lock_stamp" != "$lock_done" ]; then
    echo "Setting up .venv (once; a minute or two) ..." >&2
    rm -rf .venv
    if command -v uv >/dev/null; then
        uv venv --quiet --seed --python 3.13 .venv
    else
        python=$(find_python) || exit 1
        "$python" -m venv .venv
    fi
    "${install[@]}" --require-hashes -r "$lock"
    # LocalStack's index of all AWS services, which each emulator would else make for itself (see localstack_init)
    mkdir -p .venv/localstack/usr/lib/localstack
    FILESYSTEM_ROOT="$PWD/.venv/localstack" OVERRIDE_IN_DOCKER=0 DNS_ADDRESS=0 .venv/bin/python -m localstack.aws.spec
fi
"${install[@]}" --no-deps --no-build-isolation -e worker -e lambda -e videobatch -e localstack_fargate
echo "$wanted" >.venv/installed.set
echo "$lock_stamp" >.venv/installed.lock
echo "$packages_stamp" >.venv/installed.packages
