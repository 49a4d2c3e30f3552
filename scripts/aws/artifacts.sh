# shellcheck shell=bash disable=SC2034,SC2154 # these files and the scripts share their variables
# Sourced: the bucket with what CloudFormation deploys, each file under a name that changes with its content.

known_artifacts=
takes_over= # yes: the bucket of the videos is there already, and becomes the new stack's

# Have the packaged functions in the bucket; $code_key names them then.
provide_functions() {
    code_key=$(python3 -m scripts.package_lambda "$scratch")
    look_up NoSuchBucket aws s3api list-objects-v2 --bucket "$artifacts" --expected-bucket-owner "$account" \
        --query 'Contents[].Key' --output text || answer=None
    known_artifacts=$answer
    [ "$known_artifacts" != None ] || make_artifacts_bucket
    provide_artifact Functions "$code_key" "$scratch/$code_key"
}

# Have the template there; $template_url names it then.
provide_template() {
    local file=$template key suffix=amazonaws.com
    if [ -n "$takes_over" ]; then
        file=$scratch/template.yaml
        name_bucket "$(value_of BucketName '')" >"$file"
    fi
    key=template-$(sha256sum "$file" | cut -c 1-16).yaml
    provide_artifact Template "$key" "$file"
    [ "$partition" != aws-cn ] || suffix=amazonaws.com.cn
    template_url=https://$artifacts.s3.$region.$suffix/$key
}

# name_bucket BUCKET: the template with the bucket's name in place of its parameter. CloudFormation takes over what has a
# static name only: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
# The next deployment brings the template as it is, whose parameter has the same value.
name_bucket() {
    local named
    named=$(sed "s/^      BucketName: !Ref BucketName\$/      BucketName: \"$1\"/" "$template")
    [[ $named == *$'\n'"      BucketName: \"$1\""$'\n'* ]] || fail "$template has no bucket that could be named"
    printf '%s\n' "$named"
}

# Its settings come before its first content: a bucket with content has them all.
make_artifacts_bucket() {
    if ! bucket_is_there "$artifacts"; then
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

# provide_artifact LABEL KEY FILE
provide_artifact() {
    if grep -qwF -- "$2" <<<"$known_artifacts"; then
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
