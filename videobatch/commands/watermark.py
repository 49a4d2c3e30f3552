"""videobatch watermark: what uploads can have put on them."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import click
import typer

from videobatch.account import Account
from videobatch.errors import FileUnusable, NotPossible
from videobatch.fetching import appearing, require_free
from videobatch.output import age, console, megabytes, plain_table, print_json, printable, remark, say
from videobatch.parameters import Force
from videobatch.submitting import fetch_choice
from videobatch.watermark_file import WatermarkFile
from worker.errors import WatermarkError
from worker.local import read_watermark
from worker.selection import NAME_METADATA
from worker.storage import Missing, Storage
from worker.trial import draw_preview
from worker.watermark import IMAGE_SUFFIXES, MAX_JSON_BYTES, parse_document, validate

group = typer.Typer(help="Check, store, list and preview watermarks.", no_args_is_help=True)


@group.command()
def put(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(help="A picture, or a .json description whose pictures lie beside it.", show_default=False),
    ],
    name: Annotated[
        str | None, typer.Option(help="What uploads call it.", show_default="the file's own name")
    ] = None,
) -> None:  # fmt: skip
    """Check a watermark as the worker does, and store it."""
    account = Account.of(context)
    watermark = WatermarkFile.read(file, name)
    hiding = f"{watermark.name}.json"
    if hiding not in watermark.stored_names() and _exists(account, hiding):
        raise NotPossible(
            f"The watermark {hiding} exists, and comes before {', '.join(watermark.stored_names())}.",
            "Give the picture another --name, or put a .json description that names it.",
        )
    metadata = watermark.put(account.pipeline)
    if account.json:
        print_json({"name": metadata["watermark"], "stored": watermark.stored_names()})
    else:
        say(metadata["watermark"])
        remark(f"stored: {', '.join(watermark.stored_names())}")


@group.command("list")
def list_all(context: typer.Context) -> None:
    """List the watermarks, and what is wrong with one."""
    account = Account.of(context)
    found = _watermarks(account)
    if account.json:
        print_json({"watermarks": found})
        return
    if not found:
        remark("There are none: videobatch watermark put FILE")
        return
    table = plain_table("NAME", "FILE", "SIZE", "STORED", "")
    for column in (table.columns[0], table.columns[1], table.columns[4]):
        column.overflow = "fold"
    for one in found:
        stored = f"{age(one['stored'])} ago"
        row = (one["name"], one["file"], megabytes(one["size"]), stored, one["problem"] or "")
        table.add_row(*map(printable, row))
    console.print(table)


@group.command("preview")
def show_preview(
    context: typer.Context,
    video: Annotated[Path, typer.Argument(help="An mp4 or mov file.", show_default=False)],
    name: Annotated[
        str | None, typer.Option(help="A stored watermark, as uploads call it.", show_default="default")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="A picture or a .json description of this machine instead.", show_default=False),
    ] = None,
    at: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds into the video.", show_default="where most of the watermark is seen"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The PNG to write.", show_default="NAME.preview.png here")
    ] = None,
    force: Force = False,
) -> None:  # fmt: skip
    """Draw a watermark on one frame of a video, without uploading it."""
    account = Account.of(context)
    target = output or Path(f"{video.stem}.preview.png")
    require_free(target, force)
    if not video.is_file():
        raise FileUnusable(f"There is no file {video}.", "Correct the path.")
    if file and name:
        raise click.UsageError("Give either --name or --file.")

    def require_moment(duration: float, _pixels: float) -> None:
        if at is not None and not at < duration:
            raise FileUnusable(f"{video.name} has {duration:.1f} s only.", "Give an earlier --at.")

    with TemporaryDirectory() as folder:
        if file:
            (document, images), called = read_watermark(file), file.name
        else:
            chosen, images = fetch_choice(account.pipeline, video.name, {NAME_METADATA: name} if name else {}, folder)
            document, called = chosen.document, chosen.name
        with video.open("rb") as source, appearing(target) as partial:
            drawn = draw_preview(source, partial, document, called, images, at, require_moment)
    if account.json:
        print_json({"file": str(target), **vars(drawn)})
        return
    say(str(target))
    remark(f"the frame at {drawn.seconds:.2f} s, with {drawn.marks} {'mark' if drawn.marks == 1 else 'marks'} on it")
    for note in drawn.notes:
        remark(note)


def _exists(account: Account, name: str) -> bool:
    pipeline = account.pipeline
    return Storage(pipeline.bucket, pipeline.s3).head(pipeline.outputs["WatermarkPrefix"] + name) is not None


def _watermarks(account: Account) -> list[dict[str, Any]]:
    pipeline = account.pipeline
    prefix = pipeline.outputs["WatermarkPrefix"]
    storage = Storage(pipeline.bucket, pipeline.s3)
    pages = pipeline.s3.get_paginator("list_objects_v2").paginate(Bucket=pipeline.bucket, Prefix=prefix)
    found = []
    for entry in (entry for page in pages for entry in page.get("Contents", [])):
        file = entry["Key"].removeprefix(prefix)
        path = Path(file)
        if path.suffix.lower() not in (".json", *IMAGE_SUFFIXES):
            continue
        found.append(
            {
                "name": str(path.with_suffix("")) if path.suffix in (".json", ".png") else "",
                "file": file,
                "size": entry["Size"],
                "stored": entry["LastModified"],
                "problem": _problem(storage, entry["Key"], file) if path.suffix == ".json" else None,
            }
        )
    return found


def _problem(storage: Storage, key: str, file: str) -> str | None:
    try:
        validate(parse_document(storage.read(key, MAX_JSON_BYTES)[0], file), file)
    except WatermarkError as error:
        return error.message
    except Missing:
        return "it was removed in this moment"
    return None
