# shellcheck shell=bash disable=SC2034,SC2154 # these files and the scripts share their variables
# Sourced: how the scripts that change an account speak, ask, act and leave.

[ "${BASH_VERSINFO[0]}" -gt 4 ] || { [ "${BASH_VERSINFO[0]}" = 4 ] && [ "${BASH_VERSINFO[1]}" -ge 4 ]; } ||
    { echo "$program: bash 4.4 or later is needed; this is $BASH_VERSION" >&2; exit 1; }
cd "$root" || exit # the paths in the commands begin here

dry_run=      # yes: print the commands instead
assume_yes=   # yes: ask nobody
online=       # yes: there is an account that answers
account='<account>'
partition=aws
answer=       # what the last question to AWS was answered with
before_leaving=()
export AWS_PAGER=

scratch=$(mktemp -d)

leave() {
    trap '' INT TERM HUP # a second Ctrl-C must not stop the cleaning
    local step
    for step in "${before_leaving[@]}"; do "$step" || true; done
    rm -rf "$scratch"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

tell() { [ -n "$dry_run" ] || printf '%-11s %s\n' "$1" "$2"; }

# An option of the scripts that change something; fails if it is none.
take_acting_option() {
    case $1 in
    --dry-run) dry_run=yes ;;
    --yes) assume_yes=yes ;;
    *) return 1 ;;
    esac
}

# What a dry run prints: the command as one could type it, an option a line.
show() {
    [ -n "$dry_run" ] || return 0
    local word line=
    for word in "$@"; do
        word=${word//"$scratch"/"<scratch>"}
        [[ $word =~ ^[A-Za-z0-9_@%+=:,./-]+$ ]] || word=$(quoted "$word")
        if [[ $word == --* && -n $line && ${#line} -gt 60 ]]; then
            printf '%s \\\n' "$line"
            line="    $word"
        else
            line="${line:+$line }$word"
        fi
    done
    printf '%s\n' "$line"
}

quoted() {
    if [[ $1 == *\'* ]]; then
        printf '"%s"' "${1//[\\\`\"\$]/\\&}"
    else
        printf "'%s'" "$1"
    fi
}

# look_up MISSING COMMAND...: ask AWS; $answer is what it says. Fails if the error matches the regular expression
# MISSING, which means that there is no such thing; any other error ends the script. In a dry run without an account
# nothing is there.
look_up() {
    local missing=$1
    shift
    answer=
    show "$@"
    [ -n "$online" ] || return 1
    if answer=$("$@" 2>"$scratch/error"); then return 0; fi
    if grep -qE "$missing" "$scratch/error"; then return 1; fi
    fail "$(reason)"
}

# bucket_is_there BUCKET
bucket_is_there() {
    look_up 'Not Found|NoSuchBucket' aws s3api head-bucket --bucket "$1" --expected-bucket-owner "$account"
}

# Change something, or print how in a dry run; $answer is what it says.
act() {
    show "$@"
    [ -n "$dry_run" ] || answer=$("$@" 2>"$scratch/error") || fail "$(reason)"
}

# The same for what takes long and tells of itself.
act_visibly() {
    show "$@"
    [ -n "$dry_run" ] || "$@" >&2 || fail "this failed: $*"
}

error_code() { sed -n 's/.*An error occurred (\([^)]*\)).*/\1/p' "$scratch/error"; }

reason() { tr -s '\n' ' ' <"$scratch/error"; }

require_somebody_to_ask() {
    [ -n "$assume_yes$dry_run" ] || [ -t 0 ] || fail "there is nobody to ask on this terminal; add --yes to go ahead"
}

confirmed() {
    [ -z "$assume_yes$dry_run" ] || return 0
    local reply
    read -r -p "$1 [y/N] " reply || return 1
    [[ $reply == [yY]* ]]
}

time_stamp() { if [ -n "$dry_run" ]; then echo '<time>'; else date -u +%Y%m%dT%H%M%SZ; fi; }

# Names that follow from the stack's: there is one of each for a stack, an account and a region. So what one stack leaves
# behind, its videos above all, is never taken for another's.
name_things() {
    local name=${stack,,}
    repository=$name-worker artifacts=$name-artifacts-$account-$region own_bucket=$name-bucket-$account-$region
    [ ${#artifacts} -le 63 ] || fail "the stack's name is too long: the bucket $artifacts would have more than 63 letters"
}
