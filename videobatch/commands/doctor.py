"""videobatch doctor: what is wrong with the pipeline."""

import typer
from rich.text import Text

from videobatch.account import Account
from videobatch.errors import Unhealthy
from videobatch.health import Finding, Health, examine
from videobatch.output import console, print_json, printable

MARKS = {Health.GOOD: ("✓", "green"), Health.DOUBTFUL: ("!", "yellow"), Health.BAD: ("✗", "red")}


def doctor(context: typer.Context) -> None:
    """Check all parts of the pipeline, and say what to do.

    Credentials, stack, bucket, trigger, function, state machine, cluster, image and dead letters.
    """
    account = Account.of(context)
    findings = []
    for finding in examine(account):
        findings.append(finding)
        if not account.json:
            _say(finding)
    bad = [finding.part for finding in findings if finding.health is Health.BAD]
    if account.json:
        print_json({"healthy": not bad, "findings": [vars(finding) for finding in findings]})
    if bad:
        raise Unhealthy(f"The pipeline cannot work: {', '.join(bad)}.")


def _say(finding: Finding) -> None:
    mark, style = MARKS[finding.health]
    console.print(Text.assemble((mark, style), f" {finding.part:<18}", printable(finding.detail)), soft_wrap=True)
    if finding.hint:
        console.print(Text(" " * 20 + printable(finding.hint), style="dim"), soft_wrap=True)
