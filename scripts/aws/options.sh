# shellcheck shell=bash disable=SC2034,SC2154 # these files and the scripts share their variables
# Sourced: how the scripts for AWS read their command line, and how they complain.

region=${AWS_REGION:-${AWS_DEFAULT_REGION:-}}
stack=video-batch-processing
takes_arguments= # yes: after --
arguments=()

say() { echo "$program: $*" >&2; }
fail() { say "$*"; exit 1; }
wrong_usage() { say "$*; see scripts/$program --help"; exit 2; }

# read_options OPTIONS ARGUMENT...: OPTIONS are the script's own that want a value; these and its own others go to its
# function take_option NAME [VALUE], which fails for one that it does not know.
read_options() {
    local with_value=" --region --profile --stack $1 " name
    shift
    while [ $# -gt 0 ]; do
        name=$1
        if [[ $with_value == *" $name "* ]]; then
            [ -n "${2-}" ] || wrong_usage "$name wants a value"
            shift
        fi
        case $name in
        -h | --help) usage; exit 0 ;;
        --region) region=$1 ;;
        --profile) export AWS_PROFILE=$1 ;;
        --stack) stack=$1 ;;
        --)
            [ -n "$takes_arguments" ] || wrong_usage "there is no option --"
            shift
            arguments=("$@")
            return 0
            ;;
        *) take_option "$name" "$1" || wrong_usage "there is no option $name" ;;
        esac
        shift
    done
}
