#!/usr/bin/env bash
# Look for what is unsafe in the template, its policies, the images' recipes and the workflows. See: scan.sh --help
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

case "${1:-}" in
-h | --help)
    cat <<'TEXT'
Usage: scripts/scan.sh

Has these look at it, offline, and prints a line for each; what they find is told, and makes it fail:

  cfn-lint    the template: errors and warnings
  checkov     the template: what is open, unencrypted or unlogged
  parliament  each policy document of the template
  hadolint    the images' recipes
  actionlint  the workflows, and the scripts in them
  zizmor      the workflows: what a stranger's pull request could do

An exception stands where it is made, with its reason. Does nothing when nothing has changed since all were clean.
TEXT
    exit 0
    ;;
"") ;;
*)
    echo "scan.sh: it takes no arguments; see scripts/scan.sh --help" >&2
    exit 2
    ;;
esac

scripts/setup.sh dev
venv=.venv-scan
recipes=(worker/Dockerfile localstack_init/Dockerfile)
workflows=(.github/workflows/*.yml)

set_up() {
    local lock=requirements/scan.txt
    cmp -s "$lock" "$venv/installed.lock" && return
    echo "Setting up $venv (once; a minute or two) ..." >&2
    .venv/bin/python -m venv --clear "$venv"
    if command -v uv >/dev/null; then
        uv pip install --quiet --python "$venv/bin/python" --require-hashes -r "$lock"
    else
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
    fi
    cp "$lock" "$venv/installed.lock"
}

# scan NAME COMMAND ...: nothing that it prints is shown unless it fails
scan() {
    local name=$1 begun=$SECONDS
    shift
    if "$@" >"$scratch/$name.log" 2>&1; then
        echo "$name: clean, after $((SECONDS - begun)) s"
    else
        echo "$name:"
        cat "$scratch/$name.log"
        failed=yes
    fi
}

set_up
state=$(cat scripts/scan.sh scripts/scan_policies.py requirements/scan.txt requirements/dev.txt infra/template.yaml \
    infra/tests/*.py "${recipes[@]}" "${workflows[@]}" | sha256sum)
if [ "$state" = "$(cat "$venv/clean" 2>/dev/null)" ]; then
    echo "scan.sh: clean, and unchanged since"
    exit 0
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=
PATH="$PWD/.venv/bin:$PATH" # where actionlint finds shellcheck

scan cfn-lint .venv/bin/cfn-lint infra/template.yaml
scan checkov env BC_SKIP_MAPPING=TRUE "$venv/bin/checkov" --framework cloudformation --file infra/template.yaml \
    --quiet --compact --skip-download
scan parliament env PYTHONPATH="$PWD" "$venv/bin/python" -W ignore -P -m scripts.scan_policies
scan hadolint "$venv/bin/hadolint" "${recipes[@]}"
scan actionlint "$venv/bin/actionlint" "${workflows[@]}"
scan zizmor "$venv/bin/zizmor" --offline --no-progress --persona pedantic "${workflows[@]}"
[ -z "$failed" ] || exit 1
echo "$state" >"$venv/clean"
