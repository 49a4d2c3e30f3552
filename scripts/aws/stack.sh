# shellcheck shell=bash disable=SC2034,SC2154 # these files and the scripts share their variables
# Sourced: the stack as it is, and what becomes of it, event by event.

poll_seconds=2
stack_status= # empty: there is no such stack
stack_id=
stack_is_protected=
left_over= # the status of a stack that an earlier run has left half-done
last_event=
declare -A previous=() # the stack's parameters, if there is one
declare -A tags=()
declare -A outputs=()
declare -a failures=() # one line each: what failed in the last run of events, and why

# Fill stack_status, stack_id, stack_is_protected, previous (parameters), tags and outputs.
read_stack() {
    local kind name value
    stack_status='' stack_id='' previous=() tags=() outputs=()
    look_up 'does not exist' aws cloudformation describe-stacks --stack-name "$stack" --output text --query \
        "[Stacks[0].[['status',StackStatus,StackId],['protected',to_string(EnableTerminationProtection),'']],\
Stacks[0].Parameters[].['parameter',ParameterKey,ParameterValue],Stacks[0].Tags[].['tag',Key,Value],Stacks[0].Outputs[].['output',OutputKey,OutputValue]][]" ||
        return 0
    while IFS=$'\t' read -r kind name value; do
        case $kind in
        status) stack_status=$name stack_id=$value ;;
        protected) stack_is_protected=$name ;;
        parameter) previous[$name]=$value ;;
        tag) tags[$name]=$value ;;
        output) outputs[$name]=$value ;;
        esac
    done <<<"$answer"
}

# Wait until nothing happens to the stack. What an earlier run has left half-done counts as none: it has to go.
settle_stack() {
    [[ $stack_status != *_IN_PROGRESS || $stack_status == REVIEW_IN_PROGRESS ]] || wait_for_stack
    case $stack_status in
    REVIEW_IN_PROGRESS | ROLLBACK_COMPLETE | ROLLBACK_FAILED | CREATE_FAILED | DELETE_FAILED)
        left_over=$stack_status
        stack_status='' previous=() tags=() outputs=()
        ;;
    UPDATE_ROLLBACK_FAILED)
        fail "$stack is $stack_status. Mend what its events name, then: aws cloudformation continue-update-rollback" \
            "--stack-name $stack"
        ;;
    esac
}

delete_what_is_left_over() {
    [ -n "$left_over" ] || return 0
    tell Stack "$stack is $left_over, so it does not work; what is left of it has to go first, its parameters too"
    confirmed "Delete that in account $account, $region?" || fail "nothing was changed"
    delete_stack
    stack_status=''
}

wait_for_stack() {
    tell Stack "$stack is $stack_status; waiting for the end of that"
    while [[ $stack_status == *_IN_PROGRESS ]]; do
        sleep "$poll_seconds"
        read_stack
    done
}

protect_stack() {
    act aws cloudformation update-termination-protection --stack-name "$stack" --enable-termination-protection \
        --query StackId --output text
    tell Stack "$stack is protected from deletion"
}

delete_stack() {
    read_newest_event
    ! is_gone || return 0 # by an earlier run, which may have been interrupted: no event would follow
    act aws cloudformation delete-stack --stack-name "$stack_id"
    follow_stack
    [ -z "$dry_run" ] || return 0
    [ "$stack_status" != DELETE_COMPLETE ] || return 0
    report_failures
    fail "the stack $stack could not be deleted: it is $stack_status"
}

is_gone() {
    [ -z "$dry_run" ] || return 1
    look_up 'does not exist' aws cloudformation describe-stacks --stack-name "$stack_id" --output text \
        --query 'Stacks[0].StackStatus' || return 0
    [ "$answer" = DELETE_COMPLETE ]
}

read_newest_event() {
    act aws cloudformation describe-stack-events --stack-name "${stack_id:-$stack}" --no-paginate --output text \
        --query 'StackEvents[0].EventId'
    last_event=$answer
}

# Tell what has become of each resource since read_newest_event, until the stack has come to rest.
follow_stack() {
    failures=() stack_status= # as of before, which may be one of rest, and is no news
    while :; do
        act aws cloudformation describe-stack-events --stack-name "${stack_id:-$stack}" --no-paginate --output text \
            --query "StackEvents[].['event',EventId,ResourceStatus,ResourceType,LogicalResourceId,\
not_null(ResourceStatusReason,'')]"
        [ -z "$dry_run" ] || return 0
        tell_events
        ! is_at_rest "$stack_status" || return 0
        sleep "$poll_seconds"
    done
}

# The events in $answer are the newest first.
tell_events() {
    local new=() line index mark id status type name why
    while IFS= read -r line; do
        IFS=$'\t' read -r mark id _ <<<"$line"
        [ "$mark" = event ] || continue # the rest of a reason of several lines
        [ "$id" != "$last_event" ] || break
        new+=("$line")
    done <<<"$answer"
    for ((index = ${#new[@]} - 1; index >= 0; index--)); do
        IFS=$'\t' read -r mark last_event status type name why <<<"${new[index]}"
        if [ "$type" = AWS::CloudFormation::Stack ]; then
            [ "$name" != "$stack" ] || stack_status=$status
        else
            tell_event "$status" "$type" "$name" "$why"
        fi
    done
}

# A stack that is CREATE_FAILED or UPDATE_FAILED is about to be rolled back.
is_at_rest() {
    case $1 in
    CREATE_COMPLETE | UPDATE_COMPLETE | DELETE_COMPLETE | DELETE_FAILED | *ROLLBACK_COMPLETE | *ROLLBACK_FAILED) true ;;
    *) false ;;
    esac
}

tell_event() {
    case $1 in
    *_FAILED) [[ $4 == "Resource "*" cancelled" ]] || failures+=("$3 (${2#AWS::}): $4") ;;
    *_COMPLETE | *_SKIPPED) ;;
    *) return 0 ;;
    esac
    printf '  %-16s %-34s %s\n' "$1" "${2#AWS::}" "$3"
}

report_failures() {
    [ ${#failures[@]} -eq 0 ] || printf '%s\n' "${failures[@]}" >&2
}
