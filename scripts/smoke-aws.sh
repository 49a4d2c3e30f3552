#!/usr/bin/env bash
# Send small videos through a stack that is deployed, and look at what comes back. See: scripts/smoke-aws.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)

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

wrong_usage() { echo "smoke-aws.sh: $*; see scripts/smoke-aws.sh --help" >&2; exit 2; }

while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) usage; exit 0 ;;
    --region | --profile | --stack)
        [ $# -ge 2 ] && [ -n "$2" ] || wrong_usage "$1 wants a value"
        case $1 in
        --region) export AWS_REGION=$2 ;;
        --profile) export AWS_PROFILE=$2 ;;
        --stack) export STACK_NAME=$2 ;;
        esac
        shift
        ;;
    --) shift; break ;;
    *) wrong_usage "there is no option $1" ;;
    esac
    shift
done
[ $# -gt 0 ] || set -- e2e

# What the AWS CLI reads is not all that Python's SDK reads.
[ -z "${AWS_REGION:-}" ] || export AWS_DEFAULT_REGION=$AWS_REGION

cd "$root"
scripts/setup.sh dev
exec .venv/bin/pytest --target aws "$@"
