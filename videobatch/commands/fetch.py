"""videobatch fetch: the result of a job."""

from pathlib import Path
from typing import Annotated

import typer

from videobatch import records
from videobatch.account import Account
from videobatch.bars import transfer_bar
from videobatch.fetching import default_name, download, require_free, result_of
from videobatch.output import print_json, say
from videobatch.parameters import Force, Job
from videobatch.pipeline import JobRecord


def fetch(
    context: typer.Context,
    job: Job,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write.", show_default="NAME.watermarked.mp4 here"),
    ] = None,
    force: Force = False,
) -> None:
    """Download the result of a job."""
    account = Account.of(context)
    record = records.require(account.pipeline, job)
    target = fetch_result(account, record, output or Path(default_name(str(record["source"].get("key")))), force)
    if account.json:
        print_json({"job_id": record["job_id"], "file": str(target), "size": target.stat().st_size})
    else:
        say(str(target))


def fetch_result(account: Account, record: JobRecord, target: Path, force: bool) -> Path:
    """Download the result of a job to a file, with a bar; return the file."""
    result = result_of(account.pipeline, record)
    require_free(target, force)
    with transfer_bar(target.name, result.size) as progress:
        download(account.pipeline, result, target, progress)
    return target
