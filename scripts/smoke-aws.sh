#!/usr/bin/env bash
# Send small videos through a stack that is deployed, and look at what comes back. See: scripts/smoke-aws.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
program=smoke-aws.sh

usage() {
    cat <<'TEXT'
Usage: scripts/smoke-aws.sh [OPTION ...] [-- PYTEST ARGUMENTS]

Runs the tests of e2e/ against a stack in the AWS account of the shell's
credentials: with small videos, broken ones and strange names. It takes about
half an hour of Fargate, some cents. What it uploads stays in the bucket.

  --region REGION    where (default: AWS_REGION, or the profile's own)
  --profile PROFILE  whose credentials (default: AWS_PROFILE)
  --stack NAME       the stack's name (default: video-batch-processing)

Arguments after -- go to pytest, for instance: -- e2e/test_path.py -k comes_back
TEXT
}

# shellcheck source-path=SCRIPTDIR source=aws/options.sh
. "$root/scripts/aws/options.sh"
stack=${STACK_NAME:-$stack}
takes_arguments=yes

take_option() { false; }

read_options "" "$@"
[ ${#arguments[@]} -gt 0 ] || arguments=(e2e)

# What the AWS CLI reads is not all that Python's SDK reads.
[ -z "$region" ] || export AWS_REGION=$region AWS_DEFAULT_REGION=$region
export STACK_NAME=$stack

cd "$root"
scripts/setup.sh dev
exec .venv/bin/pytest --target aws "${arguments[@]}"
