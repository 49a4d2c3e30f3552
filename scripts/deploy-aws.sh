#!/usr/bin/env bash
# Deploy the pipeline to an AWS account: image, functions, stack, watermark. See: scripts/deploy-aws.sh --help
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
program=deploy-aws.sh

usage() {
    cat <<'TEXT'
Usage: scripts/deploy-aws.sh [OPTION ...]

Brings the pipeline into the AWS account of the shell's credentials, or brings
it up to date there. Shows what will change, and asks before it does so.

  --region REGION         where (default: AWS_REGION, or the profile's own)
  --profile PROFILE       whose credentials (default: AWS_PROFILE)
  --stack NAME            the stack's name (default: video-batch-processing)
  --image URI             an image of your own, which Fargate can pull; none is
                          built then, nor later without --rebuild
  --rebuild               build the worker's image anew from the newest base,
                          for Debian's security fixes; it also ends --image
  --arm64                 tasks on ARM64, which costs a fifth less; building its
                          image on another machine takes QEMU
  --spot                  tasks on Fargate Spot, for about a third of the price
  --task-size CPUxMEMORY  vCPUs and MB that each job begins with, as 0.5x1024
  --parameter NAME=VALUE  any other parameter of infra/template.yaml; repeatable
  --tag KEY=VALUE         a tag of the stack and of all in it; repeatable
  --protect               nobody deletes the stack until its protection is off
  --yes                   do not ask
  --dry-run               print the commands, in order, and change nothing;
                          without credentials, those for an empty account

What is not given stays as it is in a stack that is there already. The script
can be run again at any time, also after one that was interrupted or failed.
scripts/destroy-aws.sh takes everything down again.

Needed: AWS CLI 2.15 or later, Docker with buildx (not with --image), python3;
scripts/setup-debian.sh installs them on Debian.
TEXT
}

# shellcheck source-path=SCRIPTDIR source=aws/options.sh
. "$root/scripts/aws/options.sh"
# shellcheck source-path=SCRIPTDIR source=aws/common.sh
. "$root/scripts/aws/common.sh"
# shellcheck source-path=SCRIPTDIR source=aws/preflight.sh
. "$root/scripts/aws/preflight.sh"
# shellcheck source-path=SCRIPTDIR source=aws/parameters.sh
. "$root/scripts/aws/parameters.sh"
# shellcheck source-path=SCRIPTDIR source=aws/image.sh
. "$root/scripts/aws/image.sh"
# shellcheck source-path=SCRIPTDIR source=aws/artifacts.sh
. "$root/scripts/aws/artifacts.sh"
# shellcheck source-path=SCRIPTDIR source=aws/stack.sh
. "$root/scripts/aws/stack.sh"
# shellcheck source-path=SCRIPTDIR source=aws/change_set.sh
. "$root/scripts/aws/change_set.sh"

image= # as given, then as it is deployed
rebuild=
protect=

take_option() {
    case $1 in
    --arm64) give TaskCpuArchitecture=ARM64 ;;
    --spot) give UseSpot=yes ;;
    --image) image=$2 ;;
    --rebuild) rebuild=yes ;;
    --task-size) give_task_size "$2" ;;
    --parameter) give "$2" ;;
    --tag) give_tag "$2" ;;
    --protect) protect=yes ;;
    *) take_acting_option "$1" ;;
    esac
}

# What has to be there; a new stack also has to fit into the account's quotas.
check_first() {
    check_aws
    check_account
    if [ -n "$online$dry_run" ]; then
        name_things
        read_stack
        settle_stack
        name_image
        [ -n "$stack_status" ] || check_quotas
    fi
    architecture=$(value_of TaskCpuArchitecture X86_64)
    if [ -z "$image" ]; then check_docker "linux/$(docker_name "$architecture")"; fi
    say_what_is_missing
    delete_what_is_left_over
}

docker_name() { if [ "$1" = ARM64 ]; then echo arm64; else echo amd64; fi; }

check_quotas() {
    check_fargate "$(value_of TaskCpu 256)" "$(value_of UseSpot no)"
    local trigger
    trigger=$(value_of TriggerConcurrency 5)
    # the two other functions have 2 each, if the trigger has a reservation at all
    if [ "$trigger" != 0 ] && ! check_lambda $((trigger + 4)); then
        if [ -n "${given[TriggerConcurrency]+x}" ]; then
            missing+=("Lambda concurrency to reserve: only $answer are unreserved, of which 100 have to stay so")
        else
            give TriggerConcurrency=0
            tell Quota "$answer Lambda executions: none is reserved (TriggerConcurrency=0)"
        fi
    fi
}

# Empty if it is to be built here. One that somebody else has built stays until another is given, or one is built.
name_image() {
    local before=${previous[WorkerImage]-}
    [ -n "$image" ] || image=${given[WorkerImage]-}
    [ -n "$image$rebuild" ] || [[ -z $before || $before == */"$repository":* ]] || image=$before
}

choose_image() {
    if [ -n "$image" ]; then
        tell Image "$image, which is not built here"
    else
        provide_image "$architecture"
    fi
}

choose_names() {
    give_a_new_stack "BucketName=$own_bucket"
    if [ "$stack" != video-batch-processing ]; then # which has the names of the guide, and there may be one of each
        give_a_new_stack "FunctionName=$stack-start-watermark-job"
        give_a_new_stack "StateMachineName=$stack-watermark-video"
        give_a_new_stack "ClusterName=$stack-cluster"
        give_a_new_stack "TaskFamily=$stack-task"
        give_a_new_stack "TaskRoleName=$stack-task-role-$region" # roles are the account's, in all its regions
    fi
    give "WorkerImage=$image"
    give "LambdaCodeBucket=$artifacts"
    give "LambdaCodeKey=$code_key"
}

# The bucket of an earlier stack of this name becomes the new one's, with the videos in it.
look_for_videos() {
    local bucket
    bucket=$(value_of BucketName '')
    [ -z "$stack_status" ] || return 0
    bucket_is_there "$bucket" || return 0
    takes_over=yes
    tell Bucket "$bucket is there already, with the videos of an earlier stack: it becomes this one's"
}

# give_a_new_stack NAME=VALUE: a parameter that nobody has given, and that no earlier deployment has decided.
give_a_new_stack() {
    local name=${1%%=*}
    [ -n "${previous[$name]+x}${given[$name]+x}" ] || give "$1"
}

say_how_to_use_it() {
    [ -z "$dry_run" ] || return 0
    local settings="AWS_DEFAULT_REGION=$region" name # AWS_REGION is nothing to Python's SDK
    [ -z "${AWS_PROFILE:-}" ] || settings="AWS_PROFILE=$AWS_PROFILE $settings"
    [ "$stack" = video-batch-processing ] || settings="STACK_NAME=$stack $settings"
    echo
    for name in BucketName UploadPrefix ResultPrefix WatermarkPrefix JobPrefix; do
        printf '%-16s %s\n' "$name" "${outputs[$name]-}"
    done
    cat <<TEXT

Try it:
  scripts/setup.sh
  $settings .venv/bin/videobatch submit --wait my.mp4
TEXT
}

read_options "--image --task-size --parameter --tag" "$@"
[ -z "$rebuild" ] || [ -z "$image${given[WorkerImage]-}" ] || wrong_usage "an image is given or built, and not both"
require_somebody_to_ask
check_first
[ -n "$stack_status" ] || provide_ecs_role
choose_image
provide_functions
choose_names
look_for_videos
provide_template
propose_changes
if [ -n "$is_changed" ]; then
    [ -n "$dry_run" ] || show_changes
    confirmed "Change this in account $account, $region?" || fail "nothing was changed"
    apply_changes
else
    withdraw_changes
    tell Stack "$stack: nothing has changed"
fi
[ -z "$protect" ] || [ "$stack_is_protected" = true ] || protect_stack
read_stack
seed_watermark "$(value_of BucketName '')" "$(value_of WatermarkPrefix watermarks/)"
say_how_to_use_it
