# shellcheck shell=bash disable=SC2034,SC2154 # these files and the scripts share their variables
# Sourced: the stack's parameters and tags: given ones, those that follow, and for the rest what the stack has already.

template=infra/template.yaml
declare -A given=()      # parameters, by options
declare -A given_tags=()

template_parameters() {
    awk '/^Parameters:/ { on = 1; next } /^[^ #]/ { on = 0 } on && /^  [A-Za-z0-9]+:/ { sub(/:.*/, "", $1); print $1 }' \
        "$template"
}

# give NAME=VALUE
give() {
    local name=${1%%=*}
    [[ $1 == ?*=* ]] || wrong_usage "--parameter wants NAME=VALUE, not '$1'"
    [[ $1 != *[[:cntrl:]]* ]] || wrong_usage "a parameter may not have a control character in it"
    [[ $'\n'$(template_parameters)$'\n' == *$'\n'"$name"$'\n'* ]] || wrong_usage "the template has no parameter $name"
    given[$name]=${1#*=}
}

# give_tag KEY=VALUE
give_tag() {
    [[ $1 == ?*=* && $1 != *[[:cntrl:]]* ]] || wrong_usage "--tag wants KEY=VALUE, not '$1'"
    given_tags[${1%%=*}]=${1#*=}
}

# A size such as 0.5x1024: vCPUs, and MB that Fargate has with them.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
give_task_size() {
    local cpu=${1%%x*} memory=${1#*x} least most step=1024
    case $cpu in
    0.25 | .25 | 256) cpu=256 least=512 most=2048 ;;
    0.5 | .5 | 512) cpu=512 least=1024 most=4096 ;;
    1 | 1024) cpu=1024 least=2048 most=8192 ;;
    2 | 2048) cpu=2048 least=4096 most=16384 ;;
    4 | 4096) cpu=4096 least=8192 most=30720 ;;
    *) wrong_usage "--task-size wants vCPUs and MB, such as 0.5x1024, not '$1'" ;;
    esac
    [[ $memory =~ ^[1-9][0-9]*$ ]] || wrong_usage "--task-size wants vCPUs and MB, such as 0.5x1024, not '$1'"
    ((memory >= least && memory <= most && (memory % step == 0 || memory == 512))) ||
        wrong_usage "Fargate has no task of ${1%%x*} vCPU with $memory MB: it may have $least to $most MB in steps of $step"
    give TaskCpu="$cpu"
    give TaskMemory="$memory"
}

# value_of NAME DEFAULT: what the parameter will be, DEFAULT being the template's own.
value_of() { printf '%s' "${given[$1]-${previous[$1]-$2}}"; }

# The parameters as CloudFormation wants them: JSON.
parameters_json() {
    local name separator=
    printf '['
    while read -r name; do
        if [ -n "${given[$name]+x}" ]; then
            printf '%s{"ParameterKey":"%s","ParameterValue":"%s"}' "$separator" "$name" "$(json_text "${given[$name]}")"
        elif [ -n "${previous[$name]+x}" ]; then
            printf '%s{"ParameterKey":"%s","UsePreviousValue":true}' "$separator" "$name"
        else
            continue # the template's default
        fi
        separator=,
    done < <(template_parameters)
    printf ']'
}

# The stack's tags, given ones and those that it has, likewise; nothing if there are none.
tags_json() {
    local -A all=()
    local key separator=[
    for key in "${!tags[@]}"; do all[$key]=${tags[$key]}; done
    for key in "${!given_tags[@]}"; do all[$key]=${given_tags[$key]}; done
    [ ${#all[@]} -gt 0 ] || return 0
    while IFS= read -r key; do
        printf '%s{"Key":"%s","Value":"%s"}' "$separator" "$(json_text "$key")" "$(json_text "${all[$key]}")"
        separator=,
    done < <(printf '%s\n' "${!all[@]}" | LC_ALL=C sort)
    printf ']'
}

json_text() {
    local text=${1//\\/\\\\}
    printf '%s' "${text//\"/\\\"}"
}
