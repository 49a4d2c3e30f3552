"""IAM's say in every call (``FARGATE_ENFORCE_IAM=1``): what a role's session does is allowed by its policies or denied.

    policy, conditions, patterns   what a policy document says of one request
    evaluation                     what all policies together say
    actions                        API call → the IAM actions it needs, and their resources
    callers, principals, resources who calls, that principal's policies, those of what it calls for
    enforcement, denials           the gateway's handler, and AWS's words for its refusals
    ledger                         what was used, for a report

The first two rows know nothing of LocalStack.
"""
