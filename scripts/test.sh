#!/usr/bin/env bash
# Lint everything, then run all tests: units, the extension, and the whole path from outside, as processes and, if a
# Docker engine answers, in containers too. With REQUIRE_ALL=1 it is a failure if none does, or Chromium is missing.
# Usage: test.sh [PYTEST ARGUMENTS]    e.g. test.sh e2e --target process -k newest
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh dev
export PATH="$PWD/.venv/bin:$PATH"

docker_answers() { docker version >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; }

warn_without_docker() {
    cat >&2 <<'TEXT'

    ##################################################################################################
    #   NO DOCKER ENGINE WITH COMPOSE ANSWERS: NOTHING THAT RUNS IN CONTAINERS HAS BEEN TESTED       #
    #   scripts/setup-debian.sh gives a Debian machine both; REQUIRE_ALL=1 makes this a failure      #
    ##################################################################################################

TEXT
}

if [ "${REQUIRE_ALL:-}" = 1 ] && ! docker_answers; then
    warn_without_docker
    exit 1
fi

ruff check .
ruff format --check .
mypy conftest.py lambda/*.py lambda/tests/*.py infra/tests worker videobatch localstack_fargate localstack_init scripts e2e
git ls-files '*.sh' .ci/run | xargs shellcheck -x
scripts/scan.sh

if [ $# -gt 0 ]; then
    pytest "$@"
else
    # In parallel, since most tests wait for something most of the time; each file's in one process, so that what the
    # tests of a file share is made once.
    # Whole accounts of their own are heavier: two at a time keep two CPUs busy.
    parallel=(--dist loadfile --durations 15)
    failed=()
    pytest -n 3 "${parallel[@]}" || failed+=("the units")
    pytest -n 2 "${parallel[@]}" e2e --target process || failed+=("e2e --target process")
    if docker_answers; then pytest -n 2 "${parallel[@]}" e2e --target docker || failed+=("e2e --target docker"); fi
    if [ ${#failed[@]} -gt 0 ]; then
        printf 'test.sh: failed: %s\n' "${failed[@]}" >&2
        exit 1
    fi
fi
docker_answers || warn_without_docker
