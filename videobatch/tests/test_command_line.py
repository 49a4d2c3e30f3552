"""What the command line says of itself, and when the account is not to be had."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import boto3
import click
import pytest

from videobatch.account import Account
from videobatch.cli import application
from videobatch.errors import OperatorError
from videobatch.pipeline import JobRecord, Pipeline
from videobatch.tests.commands import Run
from videobatch.tests.refusing import refusing

README = Path(__file__).resolve().parents[2] / "README.md"


def commands(command: click.Command, *above: str) -> list[tuple[list[str], click.Command]]:
    found = [([*above], command)]
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            found += commands(below, *above, name)
    return found


COMMANDS = commands(application())


@pytest.mark.parametrize("names", [" ".join(names) for names, _ in COMMANDS])
def test_the_help_fits_80_columns_and_tells_every_option(names: str, run: Run) -> None:
    told = run(*names.split(), "--help")
    assert (told.code, told.err) == (0, "")
    assert max(map(len, told.out.splitlines())) <= 80
    [command] = [command for path, command in COMMANDS if " ".join(path) == names]
    options = {
        option for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts
    }
    assert {"--stack", "--profile", "--region", "--json"} <= options
    assert {option for option in options if not re.search(rf"(?<![\w-]){option}(?![\w-])", told.out)} == set()


def test_the_readme_shows_every_command() -> None:
    chapter = README.read_text().split("## Operate it")[1].split("\n## ")[0]
    assert {names[0] for names, _ in COMMANDS if names and f"videobatch {names[0]}" not in chapter} == set()


def test_exit_codes_are_each_for_one_thing() -> None:
    codes = [error.exit_code for error in OperatorError.__subclasses__()]
    assert len(codes) == len(set(codes))
    assert not set(codes) & {0, 2, *range(10, 70)}


def test_options_may_stand_before_and_after_the_command(run: Run) -> None:
    assert run("--json", "jobs").json == run("jobs", "--json").json
    assert run("--stack", "none", "jobs").code == 3  # though the environment names another
    assert "There is no stack none" in run("jobs", "--stack", "none").err


def test_a_stack_that_is_no_pipeline_is_said(run: Run) -> None:
    template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    boto3.client("cloudformation").create_stack(StackName="another", TemplateBody=json.dumps(template))
    refused, diagnosed = run("jobs", "--stack", "another"), run("doctor", "--stack", "another")
    assert (refused.code, refused.out, diagnosed.code) == (3, "", 8)
    for told in (refused.err, diagnosed.out):
        assert "The stack another is not this pipeline, or not deployed to the end" in told


def test_a_part_that_may_not_be_looked_at_is_a_finding(
    pipeline: Pipeline, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Account, "pipeline", pipeline)
    with refusing(pipeline.client("cloudformation"), "ListStackResources"):
        findings = {finding["part"]: finding for finding in run("doctor", "--json").json["findings"]}
    assert "Come back later" in findings["image"]["detail"]
    assert findings["dead letters"]["health"] == "good"


def test_what_makes_no_sense_is_said(run: Run) -> None:
    for wrong in (["jobs", "--no-such-option"], ["no-such-command"], ["show"], ["jobs", "--limit", "0"]):
        refused = run(*wrong)
        assert (refused.code, refused.out) == (2, "")


@pytest.mark.parametrize(
    ("variables", "options", "code", "sentence"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, [], 6, "Could not connect to the endpoint URL"),
        ({}, ["--profile", "none"], 5, "The config profile (none) could not be found"),
        ({"AWS_DEFAULT_REGION": None}, [], 5, "You must specify a region"),
        ({"AWS_ACCESS_KEY_ID": None}, [], 5, "credentials"),
    ],
)
def test_an_account_that_is_not_to_be_had_is_one_sentence_and_a_hint(
    variables: dict[str, str | None], options: list[str], code: int, sentence: str,
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name, value in variables.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    refused, diagnosed = run("jobs", *options), run("--json", "doctor", *options)
    assert (refused.code, refused.out, diagnosed.code) == (code, "", 8)
    assert len(refused.err.splitlines()) == 2
    for told in (refused.err, diagnosed.json["findings"][-1]["detail"]):
        assert sentence.lower() in told.lower()


def test_the_shell_completes_ids(
    pipeline: Pipeline, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("holiday-1", "home-2"):
        pipeline.s3.put_object(Bucket=pipeline.bucket, Key=f"jobs/{name}.json", Body=b"{}")
    monkeypatch.setenv("_VIDEOBATCH_COMPLETE", "complete_zsh")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "videobatch show hol")
    with pytest.raises(SystemExit):
        run()
    assert "holiday-1" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_said_and_a_reader_that_goes_is_none_of_our_business(
    put_record: Callable[..., JobRecord],
) -> None:
    for number in range(40):
        put_record(f"{number:040}", notes=["n" * 3000])  # more than a pipe holds
    command = f"{Path(sys.executable).parent / 'videobatch'} jobs --json --limit 40"
    for line, code, words in (
        (f"{command} > /dev/full", 7, "videobatch: No space left on device."),
        (f"{command} --limit 1 > /dev/full", 7, "videobatch: No space left on device."),
        (f"{command} | head -c 1 > /dev/null", 0, ""),
    ):
        done = subprocess.run(
            ["bash", "-c", f"unset PYTHONUNBUFFERED; {line}"],
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stderr.partition("\n")[0]) == (code, words), done.stderr
