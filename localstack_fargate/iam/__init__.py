"""IAM's say in every call (``FARGATE_ENFORCE_IAM=1``): what a role's session does is allowed by its policies or denied.

    patterns, conditions, policy   what a policy document says of one request
    evaluation                     what all policies together say
    actions/, keys                 API call → the IAM actions it needs, and their resources
    callers, principals            who calls, and the policies of a role
    post_form                      an upload by a form, which names its caller elsewhere
    resources                      the policies of what is called for
    authorization, ledger          the decision, and what was used for it
    enforcement, denials           the gateway's handlers, and AWS's words for its refusals
    missing_keys, managed_rule,    where AWS asks more than a call says, or LocalStack less than AWS
    alarms, function_logs

The first two rows know nothing of LocalStack.
"""
