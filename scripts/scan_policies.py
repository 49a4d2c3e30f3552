"""parliament on each statement of the template's policies; scripts/scan.sh runs it with the Python that has it."""

import json
import sys
from collections.abc import Iterator

from parliament import analyze_policy_string, enhance_finding

from infra.tests.policy_documents import documents
from infra.tests.template import read_template

# Document, statement and issue of what parliament says in error.
MISTAKEN = {
    ("WatchPolicy", "ListJobs", "RESOURCE_MISMATCH"): "it knows states:ListExecutions for map runs only",
    ("WatchPolicy", "LookAtStoppedExecutions", "RESOURCE_MISMATCH"): (
        "it knows states:DescribeExecution for express executions only"
    ),
}


def findings() -> Iterator[tuple[tuple[str, str, str], str]]:
    """Where something is wrong, and what; trust policies have no resource, which parliament wants, and are left out."""
    for name, document in documents(read_template()).items():
        if name.endswith(".trust"):
            continue
        for statement in document["Statement"]:
            alone = {**document, "Statement": [statement]}
            for finding in analyze_policy_string(json.dumps(alone)).findings:
                enhance_finding(finding)
                yield (name, statement["Sid"], finding.issue), f"{finding.severity}: {finding.title}: {finding.detail}"


def main() -> int:
    """Print what is found; 1 if it is anything but what is known to be mistaken."""
    found = dict(findings())
    for place, what in found.items():
        if place not in MISTAKEN:
            print(*place, what)
    for place in MISTAKEN.keys() - found.keys():
        print(*place, "is no longer found, so it needs no exception")
    return int(found.keys() != MISTAKEN.keys())


if __name__ == "__main__":
    sys.exit(main())
