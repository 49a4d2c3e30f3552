#!/usr/bin/env bash
# Take down what deploy-aws.sh has made. See: scripts/destroy-aws.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
program=destroy-aws.sh

usage() {
    cat <<'TEXT'
Usage: scripts/destroy-aws.sh [OPTION ...]

Takes the pipeline out of the AWS account of the shell's credentials: the stack,
the worker's images, and the bucket with what was deployed. Asks before it does.
Jobs that are running are stopped. The bucket with the videos, their results and
records stays.

  --region REGION    where (default: AWS_REGION, or the profile's own)
  --profile PROFILE  whose credentials (default: AWS_PROFILE)
  --stack NAME       the stack's name (default: video-batch-processing)
  --delete-videos    delete the bucket with the videos too: all uploads,
                     results, watermarks and records, for good
  --yes              do not ask
  --dry-run          print the commands, in order, and change nothing

The script can be run again at any time, also after one that was interrupted.
A later deploy-aws.sh takes the bucket that has stayed for its own.
TEXT
}

# shellcheck source-path=SCRIPTDIR source=aws/options.sh
. "$root/scripts/aws/options.sh"
# shellcheck source-path=SCRIPTDIR source=aws/common.sh
. "$root/scripts/aws/common.sh"
# shellcheck source-path=SCRIPTDIR source=aws/preflight.sh
. "$root/scripts/aws/preflight.sh"
# shellcheck source-path=SCRIPTDIR source=aws/stack.sh
. "$root/scripts/aws/stack.sh"
# shellcheck source-path=SCRIPTDIR source=aws/jobs.sh
. "$root/scripts/aws/jobs.sh"
# shellcheck source-path=SCRIPTDIR source=aws/emptying.sh
. "$root/scripts/aws/emptying.sh"

delete_videos=
has_stack='' has_repository='' has_artifacts='' has_videos=

take_option() {
    case $1 in
    --delete-videos) delete_videos=yes ;;
    *) take_acting_option "$1" ;;
    esac
}

check_first() {
    check_aws
    check_account
    say_what_is_missing
    name_things
    read_stack
    videos=${previous[BucketName]-$own_bucket}
}

# In a dry run without an account, all of it is taken to be there.
look_around() {
    local assumed=
    [ -n "$online" ] || assumed=yes
    has_stack=${stack_status:-$assumed}
    [ -n "$stack_id" ] || stack_id=$stack
    [ -z "$has_stack" ] || find_jobs
    ! look_up RepositoryNotFoundException aws ecr describe-repositories --repository-names "$repository" \
        --query 'repositories[0].repositoryUri' --output text || has_repository=yes
    ! bucket_is_there "$artifacts" || has_artifacts=yes
    ! bucket_is_there "$videos" || has_videos=yes
    [ -z "$assumed" ] || has_repository=yes has_artifacts=yes has_videos=yes
}

say_what_goes() {
    [ -z "$has_stack" ] || tell Stack "$stack will be deleted, with all its functions, logs and alarms"
    [ ${#running[@]} -eq 0 ] || tell Jobs "running: ${#running[@]}, to be stopped without a result"
    [ -z "$has_repository" ] || tell Repository "$repository will be deleted, with its images"
    [ -z "$has_artifacts" ] || tell Bucket "$artifacts will be deleted"
    [ -n "$has_videos" ] || return 0
    look_into "$videos"
    if [ -n "$delete_videos" ]; then
        tell Videos "$videos will be DELETED: $contents"
    else
        tell Videos "$videos stays: $contents; see --delete-videos"
    fi
}

take_down() {
    if [ -n "$has_stack" ]; then
        [[ $stack_status != UPDATE*_IN_PROGRESS ]] || wait_for_stack # one that is updated cannot be deleted
        stop_jobs
        delete_stack
        tell Stack "$stack deleted"
    fi
    if [ -n "$has_repository" ]; then
        act aws ecr delete-repository --repository-name "$repository" --force
        tell Repository "$repository deleted"
    fi
    [ -z "$has_artifacts" ] || remove_bucket "$artifacts"
    [ -z "$has_videos" ] || [ -z "$delete_videos" ] || remove_bucket "$videos"
}

read_options "" "$@"
require_somebody_to_ask
check_first
look_around
if [ -z "$has_stack$has_repository$has_artifacts" ] && { [ -z "$has_videos" ] || [ -z "$delete_videos" ]; }; then
    tell Nothing "of $stack is there to delete in account $account, $region"
    exit 0
fi
[ "$stack_is_protected" != true ] || fail "the stack $stack is protected; to allow its end:" \
    "aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name $stack"
[ -n "$dry_run" ] || say_what_goes
confirmed "Delete this in account $account, $region?" || fail "nothing was deleted"
take_down
