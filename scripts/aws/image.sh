# shellcheck shell=bash disable=SC2034,SC2154 # these files and the scripts share their variables
# Sourced: the worker's image in ECR, named after what goes into it, so that nothing is built twice unless that is wanted:
# Debian's packages are those of the day of the build.

# 16 hexadecimal digits that change when a file of the image does.
worker_digest() {
    find worker requirements/build.txt requirements/worker.txt .dockerignore -type f \
        ! -path '*/tests/*' ! -path '*/__pycache__/*' ! -path '*.egg-info/*' -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-16
}

# provide_image ARCHITECTURE: have the worker's image for X86_64 or ARM64 in ECR; $image is its name then.
provide_image() {
    local platform=linux/amd64 tag before=${previous[WorkerImage]-} fresh=()
    [ "$1" != ARM64 ] || platform=linux/arm64
    tag=$(worker_digest)-${platform#*/}
    if [ -n "$rebuild" ]; then
        fresh=(--pull --no-cache)
        tag=$tag-$(time_stamp)
    elif [[ $before == */"$repository:$tag"-* ]]; then
        tag=${before##*:} # of the same sources, and rebuilt since
    fi
    if look_up RepositoryNotFoundException aws ecr describe-repositories --repository-names "$repository" \
        --query 'repositories[0].repositoryUri' --output text; then
        image=$answer:$tag
        if [ -z "$rebuild" ] && look_up ImageNotFoundException aws ecr describe-images --repository-name "$repository" \
            --image-ids "imageTag=$tag" --query 'imageDetails[0].imageDigest' --output text; then
            tell Image "$tag is in ECR already"
            return
        fi
    else
        make_repository
    fi
    # an earlier run may have ended before this one
    act aws ecr put-lifecycle-policy --repository-name "$repository" \
        --lifecycle-policy-text file://scripts/aws/ecr-lifecycle.json
    tell Image "building $tag ..."
    act_visibly docker buildx build --platform "$platform" "${fresh[@]}" --provenance=false --load --tag "$image" \
        --file worker/Dockerfile .
    log_in "${image%%/*}"
    act_visibly docker push "$image"
    tell Image "$tag pushed"
}

make_repository() {
    act aws ecr create-repository --repository-name "$repository" --image-tag-mutability IMMUTABLE \
        --image-scanning-configuration scanOnPush=true --query repository.repositoryUri --output text
    [ -z "$dry_run" ] || answer="$account.dkr.ecr.$region.amazonaws.com/$repository"
    image=$answer:$tag
    tell Repository "$answer made"
}

# The password goes from one program to the other, and on no command line.
log_in() {
    if [ -n "$dry_run" ]; then
        echo "aws ecr get-login-password | docker login --username AWS --password-stdin '$1'"
    else
        { aws ecr get-login-password | docker login --username AWS --password-stdin "$1" >/dev/null; } \
            2>"$scratch/error" || fail "$(reason)"
    fi
}
