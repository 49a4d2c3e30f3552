# shellcheck shell=bash disable=SC2034,SC2154 # these files and the scripts share their variables
# Sourced: what a deployment would change, shown before it is done; nothing of it stays if it is not.

change_set=
is_new=      # yes: the change set is to create the stack
is_proposed= # yes: there is a change set that was not executed
is_changed=  # yes: something would change by it
changes=     # a line for each resource that would

# Make a change set, and find out what would change. It may be outputs only, and no resource.
propose_changes() {
    local kind=UPDATE options=() parameters all_tags state why
    [ -n "$stack_status" ] || is_new=yes kind=CREATE
    [ -z "$takes_over" ] || options+=(--import-existing-resources)
    change_set=deploy-$(time_stamp)
    parameters=$(parameters_json)
    all_tags=$(tags_json)
    [ -z "$all_tags" ] || options+=(--tags "$all_tags")
    is_proposed=yes
    before_leaving+=(withdraw_changes)
    act aws cloudformation create-change-set --stack-name "$stack" --change-set-name "$change_set" \
        --change-set-type "$kind" --template-url "$template_url" --parameters "$parameters" \
        --capabilities CAPABILITY_NAMED_IAM "${options[@]}" --query StackId --output text
    [ -n "$dry_run" ] || stack_id=$answer
    while :; do
        act aws cloudformation describe-change-set --stack-name "$stack" --change-set-name "$change_set" \
            --query '[Status,StatusReason]' --output text
        [ -z "$dry_run" ] || answer=CREATE_COMPLETE
        IFS=$'\t' read -r state why <<<"$answer"
        case $state in
        CREATE_PENDING | CREATE_IN_PROGRESS) sleep "$poll_seconds" ;;
        CREATE_COMPLETE) break ;;
        *)
            [[ $why != *"didn't contain changes"* && $why != *"No updates are to be performed"* ]] || return 0
            say_what_is_refused
            fail "CloudFormation refuses the changes: $why"
            ;;
        esac
    done
    is_changed=yes
    act aws cloudformation describe-change-set --stack-name "$stack" --change-set-name "$change_set" --output text \
        --query "Changes[].ResourceChange.[Action,not_null(Replacement,'-'),ResourceType,LogicalResourceId]"
    changes=$answer
}

# What CloudFormation's early validation has found is told by an event, and not in the change set's own reason. An older
# CLI knows of no such events.
say_what_is_refused() {
    aws cloudformation describe-events --stack-name "$stack" --change-set-name "$change_set" --output text --query \
        "OperationEvents[?EventType=='VALIDATION_ERROR'].[LogicalResourceId,ValidationPath,ValidationStatusReason]" \
        2>/dev/null | tr '\t' ' ' >&2 || true
}

show_changes() {
    local action replacement type name
    if [ -z "$changes" ]; then
        tell Stack "$stack: no resource changes, only outputs"
        return 0
    fi
    printf '\n  %-7s %-34s %s\n' Action Type Resource
    while IFS=$'\t' read -r action replacement type name; do
        [ "$replacement" != True ] || action=Replace
        printf '  %-7s %-34s %s\n' "$action" "${type#AWS::}" "$name"
    done <<<"$changes"
    echo
}

# Execute the change set and follow it to its end; fails with the reasons if it was rolled back.
apply_changes() {
    read_newest_event
    # New resources of a stack that fails go with it, the bucket too: it would be in the next run's way.
    act aws cloudformation execute-change-set --stack-name "$stack" --change-set-name "$change_set" \
        --retain-except-on-create
    is_proposed=
    trap 'say "the stack goes on without this script; run it again to see the end"; exit 130' INT
    follow_stack
    trap 'exit 130' INT
    [[ $stack_status == *ROLLBACK* ]] || return 0
    report_failures
    [[ $stack_status != *ROLLBACK_FAILED ]] ||
        fail "the stack $stack could not be rolled back either ($stack_status); its events in the console say why"
    if [ -n "$is_new" ]; then
        fail "the stack $stack was not made, and nothing of it stays; mend the above and run this again"
    fi
    fail "the stack $stack is as it was before ($stack_status); mend the above and run this again"
}

# Leave no change set behind, and no stack that consists of one. A stack of this name that is more than that is somebody
# else's, who was faster.
withdraw_changes() {
    [ -n "$is_proposed" ] && [ -z "$dry_run" ] || return 0
    is_proposed=
    if [ -n "$is_new" ]; then
        [ "$(aws cloudformation describe-stacks --stack-name "${stack_id:-$stack}" --output text \
            --query 'Stacks[0].StackStatus' 2>/dev/null)" = REVIEW_IN_PROGRESS ] || return 0
        aws cloudformation delete-stack --stack-name "${stack_id:-$stack}" 2>/dev/null ||
            say "what the change set $change_set would have made of $stack is still there: delete the stack"
    else
        aws cloudformation delete-change-set --stack-name "$stack" --change-set-name "$change_set" 2>/dev/null ||
            say "the change set $change_set of $stack could not be deleted; it changes nothing"
    fi
}
