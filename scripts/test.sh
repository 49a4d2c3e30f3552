#!/usr/bin/env bash
# Lint everything, then run all tests: units, the extension, and the whole path through the emulated account.
# Usage: test.sh [PYTEST ARGUMENTS]    e.g. test.sh e2e -k newest
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh dev
export PATH="$PWD/.venv/bin:$PATH"

ruff check .
ruff format --check .
mypy lambda/*.py lambda/tests/*.py infra/tests worker localstack_fargate localstack_init scripts e2e
git ls-files '*.sh' .ci/run | xargs shellcheck -x

exec pytest "$@"
