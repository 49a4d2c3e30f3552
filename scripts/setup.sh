#!/usr/bin/env bash
# Make .venv hold exactly what a lock names, plus this project's own two packages. Does nothing when nothing changed.
# Usage: setup.sh [local|dev]    local (default): what running needs; dev: the tests and linters too
set -euo pipefail
cd "$(dirname "$0")/.."

lock="requirements/${1:-local}.txt"
[ -f "$lock" ] || { echo "setup.sh: there is no lock $lock; use 'local' or 'dev'" >&2; exit 2; }

stamp=.venv/installed.sha256
wanted=$(cat "$lock" worker/pyproject.toml localstack_fargate/pyproject.toml <(pwd) | sha256sum)
superset=$(cat requirements/dev.txt worker/pyproject.toml localstack_fargate/pyproject.toml <(pwd) | sha256sum)
if [ -f "$stamp" ] && { [ "$wanted" = "$(cat "$stamp")" ] || [ "$superset" = "$(cat "$stamp")" ]; }; then
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

echo "Setting up .venv (once; about a minute) ..." >&2
rm -rf .venv
if command -v uv >/dev/null; then
    uv venv --quiet --python 3.13 .venv
    install=(uv pip install --quiet --python .venv/bin/python)
else
    "$(find_python)" -m venv .venv
    install=(.venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check)
fi
"${install[@]}" --require-hashes -r "$lock"
"${install[@]}" --no-deps --no-build-isolation -e worker -e localstack_fargate
echo "$wanted" >"$stamp"
