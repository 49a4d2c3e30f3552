"""videobatch redrive: dead letters go back through the trigger."""

from typing import Any

import typer

from videobatch.account import Account
from videobatch.dead_letters import DeadLetter, DeadLetterQueue, LetterNotRemoved
from videobatch.errors import JobsNotDone
from videobatch.output import print_json, remark, say
from videobatch.parameters import DryRun
from videobatch.trigger import TriggerFailed


def redrive(context: typer.Context, dry_run: DryRun = False) -> None:
    """Send dead letters through the trigger function again.

    A letter is removed when its jobs are started; a job that exists already is not started twice.
    """
    account = Account.of(context)
    letters: list[dict[str, Any]] = []
    try:
        with DeadLetterQueue(account.pipeline) as queue:
            for letter in queue.letters():
                letters.append(_redrive(queue, letter, dry_run))
                if not account.json:
                    _say(letters[-1], dry_run)
    finally:
        if account.json:  # whatever ended it: these have gone back
            print_json({"dry_run": dry_run, "letters": letters})
    if not letters and not account.json:
        remark("The dead-letter queue is empty.")
    left = sum("problem" in told for told in letters)
    if left:
        raise JobsNotDone(
            f"{left} of {len(letters)} dead letters stay in the queue.", "Mend the cause, then try again."
        )


def _redrive(queue: DeadLetterQueue, letter: DeadLetter, dry_run: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"message_id": letter.message_id, "keys": letter.keys}
    try:
        told["jobs"] = [] if dry_run else queue.redrive(letter)
    except LetterNotRemoved as error:
        told |= {"jobs": error.jobs, "problem": error.message}
    except TriggerFailed as error:
        told["problem"] = error.message
    return told


def _say(told: dict[str, Any], dry_run: bool) -> None:
    if "problem" in told:
        for job in told.get("jobs", []):
            say(job)
        remark(f"{told['message_id']}: {told['problem']}", "red")
    elif dry_run:
        say(", ".join(told["keys"]) + ": would go through the trigger again")
    else:
        say("\n".join(told["jobs"]) or f"{told['message_id']}: nothing in it is a video to work on")
