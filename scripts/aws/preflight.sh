# shellcheck shell=bash disable=SC2034,SC2154 # these files and the scripts share their variables
# Sourced: what has to be there before anything is made; all that is missing is said at once.

missing=()
has_aws=yes

# 2.15 is the first that knows all that is said to it here.
check_aws() {
    local version
    if ! version=$(aws --version 2>/dev/null); then
        missing+=("the AWS CLI, version 2.15 or later (Debian: scripts/setup-debian.sh)")
        has_aws=
    elif ! [[ $version =~ ^aws-cli/2\.([0-9]+)\. ]] || ((BASH_REMATCH[1] < 15)); then
        missing+=("the AWS CLI in version 2.15 or later; this one is ${version%% *} (Debian: scripts/setup-debian.sh)")
    fi
    command -v python3 >/dev/null || missing+=("python3, which packages the functions")
}

# For a platform of Docker's, such as linux/arm64.
check_docker() {
    local platform=$1 builder
    if ! docker version >/dev/null 2>&1; then
        missing+=("a Docker engine that this user may use, or --image with an image that is somewhere already")
    elif ! docker buildx version >/dev/null 2>&1; then
        missing+=("Docker's plug-in buildx (Debian: scripts/setup-debian.sh)")
    elif ! builder=$(docker buildx inspect 2>/dev/null) || [[ $builder != *"$platform"* ]]; then
        missing+=("a builder for $platform: this machine needs QEMU for it (Debian: apt install qemu-user-static)")
    fi
}

# Whose account it is, and where.
check_account() {
    [ -n "$region" ] || region=$(aws configure get region 2>/dev/null) || true
    if [ -z "$region" ]; then
        missing+=("a region: --region, AWS_REGION, or aws configure")
        region='<region>'
    fi
    export AWS_REGION=$region AWS_DEFAULT_REGION=$region
    show aws sts get-caller-identity --query '[Account,Arn]' --output text
    [ -n "$has_aws" ] || return 0
    local identity
    if ! identity=$(aws sts get-caller-identity --query '[Account,Arn]' --output text 2>"$scratch/error"); then
        missing+=("credentials that AWS takes: $(reason)")
        return 0
    fi
    local arn
    read -r account arn <<<"$identity"
    partition=${arn#arn:} partition=${partition%%:*}
    online=yes
    tell Account "$account in $region, as ${arn##*:}"
}

# check_fargate CPU SPOT: a task of that many CPU units has to fit into the account's quota, Spot's if SPOT is yes.
check_fargate() {
    local cpu=$1 code=L-3032A538 kind=On-Demand
    [ "$2" != yes ] || code=L-36FBB829 kind=Spot
    if look_up . aws service-quotas get-service-quota --service-code fargate --quota-code "$code" \
        --query Quota.Value --output text; then
        local vcpus=${answer%.*}
        if ((vcpus * 1024 < cpu)); then
            missing+=("Fargate $kind vCPUs: the quota is $vcpus; ask for more in Service Quotas, code $code")
        else
            tell Quota "$vcpus Fargate $kind vCPUs: $((vcpus * 1024 / cpu)) tasks at a time, the others wait"
        fi
    elif [ -n "$online" ]; then
        tell Quota "of Fargate unknown: Service Quotas answers $(error_code)"
    fi
}

# check_lambda WANTED: whether the account can reserve that much concurrency; fails if not.
# Lambda keeps 100 for functions without a reservation. A new account has 10 in all.
check_lambda() {
    look_up . aws lambda get-account-settings --query AccountLimit.UnreservedConcurrentExecutions --output text || return 0
    ((answer - $1 >= 100))
}

# ECS acts by a role of its own, which it makes in an account at the first cluster, and too late for one with capacity
# providers. It can be used some seconds after it was made.
provide_ecs_role() {
    if look_up . aws iam get-role --role-name AWSServiceRoleForECS --query Role.Arn --output text; then return 0; fi
    if [ -n "$online" ] && [ "$(error_code)" != NoSuchEntity ]; then
        tell Role "AWSServiceRoleForECS unknown: IAM answers $(error_code)"
        return 0
    fi
    act aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com
    tell Role "AWSServiceRoleForECS made, by which ECS acts in this account"
}

say_what_is_missing() {
    [ ${#missing[@]} -gt 0 ] || return 0
    {
        echo "$program: missing here:"
        printf -- '- %s\n' "${missing[@]}"
    } >&2
    [ -n "$dry_run" ] || exit 1
}
