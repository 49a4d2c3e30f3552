"""videobatch submit: videos go up, and with --wait their results come down."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import click
import typer

from videobatch import records
from videobatch.account import Account
from videobatch.bars import transfer_bar
from videobatch.commands.fetch import fetch_result
from videobatch.errors import JobsNotDone
from videobatch.fetching import default_name, require_free
from videobatch.following import JobBars, follow_jobs
from videobatch.output import print_json, remark, say
from videobatch.parameters import Force
from videobatch.pipeline import JobRecord, Pipeline
from videobatch.problems import Problems
from videobatch.submitting import Submission, check_choice, plan
from worker.engine.profiles import PROFILES
from worker.selection import NAME_METADATA, PROFILE_METADATA, SETTINGS_PREFIX

SETTINGS = "Watermark settings of this upload"


def submit(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Videos in .mp4.", show_default=False)],
    watermark: Annotated[
        str | None, typer.Option("--watermark", help="Name of a watermark: see videobatch watermark list.",
                                 show_default="by folder, or default")
    ] = None,
    position: Annotated[
        str | None, typer.Option(help="An anchor such as top-left, or 10%,40.", rich_help_panel=SETTINGS)
    ] = None,
    opacity: Annotated[str | None, typer.Option(help="0.002 to 1.", rich_help_panel=SETTINGS)] = None,
    width: Annotated[str | None, typer.Option(help="Of images: 15% or 200.", rich_help_panel=SETTINGS)] = None,
    size: Annotated[str | None, typer.Option(help="Of texts: 4% or 40.", rich_help_panel=SETTINGS)] = None,
    margin: Annotated[str | None, typer.Option(help="From the edges: 2% or 10.", rich_help_panel=SETTINGS)] = None,
    rotate: Annotated[str | None, typer.Option(help="Degrees clockwise.", rich_help_panel=SETTINGS)] = None,
    encoder_profile: Annotated[
        str | None,
        typer.Option(click_type=click.Choice(list(PROFILES)), help="How hard the encoder works.",
                     show_default="the stack's own"),
    ] = None,
    folder: Annotated[
        str, typer.Option(help="Upload into this folder; the first part can select a watermark.", show_default=False)
    ] = "",
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Follow the jobs to their end, and download the results.",
                           show_default=False)
    ] = False,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="With --wait: the folder for results.", show_default="this one")
    ] = Path(),
    force: Force = False,
) -> None:  # fmt: skip
    """Upload videos, each of which becomes a job.

    One that cannot be uploaded, or its result downloaded, keeps no other from it.
    """
    account = Account.of(context)
    settings = {"position": position, "opacity": opacity, "width": width, "size": size, "margin": margin,
                "rotate": rotate}  # fmt: skip
    metadata = {SETTINGS_PREFIX + name: value for name, value in settings.items() if value is not None}
    metadata |= {name: value for name, value in
                 ((NAME_METADATA, watermark), (PROFILE_METADATA, encoder_profile)) if value is not None}  # fmt: skip
    submissions = plan(files, folder)
    targets = {one.name: output / default_name(one.name) for one in submissions} if wait else {}
    for target in targets.values():
        require_free(target, force)
    chosen = check_choice(account.pipeline, submissions[0].name, metadata)  # the same for all: they share the folder
    remark(f"watermark: {chosen}")
    submitted: list[dict[str, Any]] = []
    problems = Problems(len(submissions))
    try:
        for submission in submissions:
            job = problems.tried(str(submission.file), partial(_upload, account.pipeline, submission, metadata))
            if job is None:
                continue
            submitted.append(job)
            if not account.json:
                say(job["job_id"])
        if wait and submitted:
            _wait(account, submitted, targets, force, problems)
        elif submitted and not account.json:
            remark("Follow with: videobatch watch")
    finally:
        if account.json:  # whatever ended it: these jobs exist
            print_json({"jobs": submitted} | problems.as_json())
    failed = [job["file"] for job in submitted if wait and job["state"] != "SUCCEEDED"]
    problems.raise_any("videos", "brought back" if wait else "uploaded", failed)
    raise_unless_all_succeeded([job["state"] for job in submitted if wait])


def _upload(pipeline: Pipeline, submission: Submission, metadata: dict[str, str]) -> dict[str, Any]:
    with transfer_bar(submission.name, submission.file.stat().st_size) as progress:
        version_id = pipeline.upload(submission.file, submission.name, metadata, progress)
    key = pipeline.upload_key(submission.name)
    identifier = records.job_of_version(pipeline, key, version_id)
    return {"job_id": identifier, "file": str(submission.file), "key": key, "version_id": version_id}


def _wait(
    account: Account, submitted: list[dict[str, Any]], targets: dict[str, Path], force: bool, problems: Problems
) -> None:
    """Add to each submitted job how it has ended, and the file of its result."""
    jobs = {job["job_id"]: job for job in submitted}
    succeeded: list[JobRecord] = []
    try:
        with JobBars(list(jobs)) as bars:
            for record in follow_jobs(account.pipeline, list(jobs), _warn_of_untold):
                bars.show(record)
                jobs[record["job_id"]] |= {"state": record["state"], "error": record.get("error")}
                if record["state"] == "SUCCEEDED":
                    succeeded.append(record)
    except KeyboardInterrupt:
        remark("What has not ended goes on: videobatch watch")
        raise
    prefix = account.pipeline.outputs["UploadPrefix"]
    for record in succeeded:
        job = jobs[record["job_id"]]
        target = targets[job["key"].removeprefix(prefix)]
        if problems.tried(job["file"], partial(fetch_result, account, record, target, force)) is None:
            continue
        job["result"] = str(target)
        if not account.json:
            say(str(target))


def _warn_of_untold(identifier: str) -> None:
    remark(f"{identifier} has not been begun yet: videobatch doctor tells whether uploads are heard of.", "yellow")


def raise_unless_all_succeeded(states: list[str]) -> None:
    """Make the exit code tell of jobs without a result.

    Raises:
        JobsNotDone
    """
    without = sum(state != "SUCCEEDED" for state in states)
    if without:
        jobs, have = "job" if len(states) == 1 else "jobs", "has" if without == 1 else "have"
        raise JobsNotDone(f"{without} of {len(states)} {jobs} {have} no result.", "See why with: videobatch show JOB")
