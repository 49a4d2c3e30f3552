# shellcheck shell=bash disable=SC2034,SC2154 # these files and the scripts share their variables
# Sourced: the bucket with what CloudFormation deploys, each file under a name that changes with its content.

# Have the packaged functions and the template in the bucket; $code_key and $template_url name them then.
provide_artifacts() {
    local template_key known
    code_key=$(python3 -m scripts.package_lambda "$scratch")
    template_key=template-$(sha256sum "$template" | cut -c 1-16).yaml
    look_up NoSuchBucket aws s3api list-objects-v2 --bucket "$artifacts" --expected-bucket-owner "$account" \
        --query 'Contents[].Key' --output text || answer=None
    known=$answer
    [ "$known" != None ] || make_artifacts_bucket
    provide_artifact Functions "$code_key" "$scratch/$code_key" "$known"
    provide_artifact Template "$template_key" "$template" "$known"
    local suffix=amazonaws.com
    [ "$partition" != aws-cn ] || suffix=amazonaws.com.cn
    template_url=https://$artifacts.s3.$region.$suffix/$template_key
}

# Its settings come before its first content: a bucket with content has them all.
make_artifacts_bucket() {
    if ! look_up 'Not Found|NoSuchBucket' aws s3api head-bucket --bucket "$artifacts" \
        --expected-bucket-owner "$account"; then
        local where=(--create-bucket-configuration "LocationConstraint=$region")
        [ "$region" != us-east-1 ] || where=() # the oldest region, which must not be named
        act aws s3api create-bucket --bucket "$artifacts" "${where[@]}"
        tell Bucket "$artifacts made"
    fi
    act aws s3api put-public-access-block --bucket "$artifacts" --public-access-block-configuration \
        BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
    act aws s3api put-bucket-encryption --bucket "$artifacts" --server-side-encryption-configuration \
        '{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}'
}

# provide_artifact LABEL KEY FILE KNOWN-KEYS
provide_artifact() {
    if grep -qwF -- "$2" <<<"$4"; then
        tell "$1" "$2 is there already"
    else
        act aws s3api put-object --bucket "$artifacts" --key "$2" --body "$3" --expected-bucket-owner "$account"
        tell "$1" "$2 uploaded"
    fi
}

# seed_watermark BUCKET PREFIX: a default watermark, if there is none.
seed_watermark() {
    if look_up NoSuchBucket aws s3api list-objects-v2 --bucket "$1" --prefix "$2default." --query 'Contents[0].Key' \
        --output text && [ "$answer" != None ]; then
        return
    fi
    act aws s3api put-object --bucket "$1" --key "$2default.png" --body localstack_init/default-watermark.png \
        --content-type image/png
    tell Watermark "$2default.png uploaded; to use your own: videobatch watermark put"
}
