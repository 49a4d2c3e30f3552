# shellcheck shell=bash disable=SC2034,SC2154 # these files and the scripts share their variables
# Sourced: removing buckets with all that is in them.

contents= # of the bucket that was looked into last, in words

# look_into BUCKET: its objects are counted up to a thousand.
look_into() {
    contents=nothing
    look_up NoSuchBucket aws s3api list-object-versions --bucket "$1" --no-paginate --output text \
        --query "[length(Versions || \`[]\`), IsTruncated]" || return 0
    case $answer in
    0*) ;;
    *True) contents='more than 1000 objects' ;;
    *) contents="${answer%%[[:space:]]*} objects, older versions included" ;;
    esac
}

# Every version of every object, a thousand at a time, and then the bucket.
remove_bucket() {
    local bucket=$1
    while :; do
        act aws s3api list-object-versions --bucket "$bucket" --no-paginate --output json --query \
            "{Objects: [Versions || \`[]\`, DeleteMarkers || \`[]\`][].{Key: Key, VersionId: VersionId}, Quiet: \`true\`}"
        [ -n "$dry_run" ] || printf '%s' "$answer" >"$scratch/objects"
        [ -n "$dry_run" ] || grep -q '"Key"' "$scratch/objects" || break
        act aws s3api delete-objects --bucket "$bucket" --delete "file://$scratch/objects" --query 'Errors[0].Message' \
            --output text
        [ -z "$dry_run" ] || break
        [ "$answer" = None ] || fail "the bucket $bucket cannot be emptied: $answer"
    done
    act aws s3api delete-bucket --bucket "$bucket"
    tell Bucket "$bucket removed"
}
