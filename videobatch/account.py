"""Which account and stack a command is about, and how it talks to its caller."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
import click
from botocore.exceptions import ClientError
from click.core import ParameterSource
from typer.core import TyperOption

from videobatch.errors import NotFound
from videobatch.pipeline import DEFAULT_STACK, OUTPUTS, Pipeline

PANEL = "Account and output"


@dataclass
class Account:
    """What the options say that every command has.

    Attributes:
        stack: Name of the CloudFormation stack.
        profile, region: None for what the SDK finds in its own environment.
        json: Whether standard output is for a machine.
    """

    stack: str = DEFAULT_STACK
    profile: str | None = None
    region: str | None = None
    json: bool = False

    @classmethod
    def of(cls, context: click.Context) -> "Account":
        """Return that of the running command."""
        return context.find_root().ensure_object(cls)

    @cached_property
    def session(self) -> boto3.Session:
        return boto3.Session(profile_name=self.profile, region_name=self.region)

    @cached_property
    def pipeline(self) -> Pipeline:
        """The deployed stack.

        Raises:
            NotFound: There is none of this name, or it is no pipeline.
        """
        try:
            found = Pipeline.of_stack(self.stack, self.session)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":  # CloudFormation's word for what is not there
                raise
            raise NotFound(
                f"There is no stack {self.stack} in this account and region.",
                "Give its name with --stack, or the account with --profile and --region.",
            ) from error
        missing = sorted(OUTPUTS - set(found.outputs))
        if missing:
            raise NotFound(
                f"The stack {self.stack} is not this pipeline, or not deployed to the end: it lacks {missing[0]}.",
                "Give the pipeline's name with --stack, or deploy it from infra/template.yaml.",
            )
        return found


def add_options(command: click.Command) -> None:
    """Give a command and all below it the options that every command has."""
    command.params += [
        _option("--stack", f"The pipeline's stack, if not {DEFAULT_STACK}.", envvar="STACK_NAME"),
        _option("--profile", "Profile of the AWS configuration, if not the SDK's own."),
        _option("--region", "AWS region, if not the SDK's own."),
        _option("--json", "Print JSON on standard output, and only that.", is_flag=True),
    ]
    if isinstance(command, click.Group):
        for below in command.commands.values():
            add_options(below)


def _option(name: str, help_text: str, **more: Any) -> TyperOption:
    return TyperOption(
        param_decls=[name, name.removeprefix("--")],
        help=help_text,
        expose_value=False,
        callback=_remember,
        rich_help_panel=PANEL,
        **more,
    )


def _remember(context: click.Context, option: click.Parameter, value: Any) -> Any:
    assert option.name is not None  # noqa: S101 - for the type checker
    source = context.get_parameter_source(option.name)
    # A command sees the environment once more, which must not undo what was given before its name.
    if source is ParameterSource.COMMANDLINE or (source is ParameterSource.ENVIRONMENT and context.parent is None):
        setattr(Account.of(context), option.name, value)
    return value
