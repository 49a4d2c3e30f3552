# shellcheck shell=bash disable=SC2034,SC2154 # these files and the scripts share their variables
# Sourced: the end of a stack's jobs, which has to come first: ECS deletes no cluster that has tasks, and Step Functions no
# state machine before its last execution has ended.

stop_seconds=300 # a task has two minutes to stop, and its network goes after that
declare -a running=() tasks=() # executions, and tasks of the cluster, by ARN

# What a stack tells of itself; in a dry run without an account, its name stands for it.
output() { if [ -n "$online" ]; then printf '%s' "${outputs[$1]-}"; else printf '<%s>' "$1"; fi; }

find_jobs() {
    local machine
    machine=$(output StateMachineArn)
    running=()
    [ -n "$machine" ] || return 0
    look_up StateMachineDoesNotExist aws stepfunctions list-executions --state-machine-arn "$machine" \
        --status-filter RUNNING --query 'executions[].executionArn' --output text || answer=
    [ -n "$online" ] || answer='<execution>'
    words "$answer" running
}

# words TEXT NAME: the words of a text, as the array NAME.
words() { read -r -d '' -a "$2" <<<"$1" || true; }

# Stop all executions and tasks, and wait for the end of the last one.
stop_jobs() {
    local execution cluster deadline=$((SECONDS + stop_seconds))
    cluster=$(output ClusterName)
    while :; do
        for execution in "${running[@]}"; do
            act aws stepfunctions stop-execution --execution-arn "$execution" --error STACK_DELETED \
                --cause 'The stack is being deleted' --query stopDate --output text
        done
        [ -z "$cluster" ] || stop_tasks "$cluster"
        [ -z "$dry_run" ] || return 0
        find_jobs
        [ ${#running[@]} -gt 0 ] || [ ${#tasks[@]} -gt 0 ] || is_stopping "$cluster" || return 0
        ((SECONDS < deadline)) || fail "jobs are still running after $stop_seconds s; run this again"
        sleep "$poll_seconds"
    done
}

# stop_tasks CLUSTER: all that are not stopping; $tasks are their ARNs.
stop_tasks() {
    local task
    look_up ClusterNotFound aws ecs list-tasks --cluster "$1" --query 'taskArns[]' --output text || answer=
    [ -n "$online" ] || answer='<task>'
    words "$answer" tasks
    for task in "${tasks[@]}"; do
        act aws ecs stop-task --cluster "$1" --task "$task" --reason 'The stack is being deleted' \
            --query task.lastStatus --output text
    done
}

# is_stopping CLUSTER: whether it has a task that shall be stopped and is not.
is_stopping() {
    local stopped
    [ -n "$1" ] || return 1
    look_up ClusterNotFound aws ecs list-tasks --cluster "$1" --desired-status STOPPED --query 'taskArns[]' \
        --output text || return 1
    words "$answer" stopped
    while [ ${#stopped[@]} -gt 0 ]; do
        look_up . aws ecs describe-tasks --cluster "$1" --tasks "${stopped[@]:0:100}" --output text \
            --query "length(tasks[?lastStatus!='STOPPED'])" || return 1
        [ "$answer" = 0 ] || return 0
        stopped=("${stopped[@]:100}")
    done
    return 1
}
