"""What a command can end with besides its result: one sentence, a hint, and an exit code that scripts can rely on.

    OperatorError
    ├── JobsNotDone           1   a job that was waited for did not succeed, or a part of the work did not
    ├── NotFound              3   no such stack, job, upload or watermark
    ├── NotPossible           4   not in the state that the job or the pipeline is in
    ├── AccountRefused        5   no credentials, no region, or not the right to do it
    ├── AccountUnreachable    6   no answer from the account, or one that makes no sense
    ├── FileUnusable          7   a file of this machine
    └── Unhealthy             8   doctor has found something wrong

0 is success, 2 a command line that makes no sense, 10 to 69 are the worker's own errors (`worker/errors.py`) where a
command finds before an upload what the job would end with; 129, 130 and 143 are SIGHUP, Ctrl-C and SIGTERM.

`python -m scripts.readme` writes the table of the README.
"""

from typing import ClassVar

from boto3.exceptions import Boto3Error
from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError

USAGE_EXIT_CODE = 2  # as click has it
INTERRUPTED_EXIT_CODE = 130  # as shells have it: 128 and the signal's number


class OperatorError(Exception):
    """Base of what a command tells in one sentence and a hint.

    Attributes:
        exit_code: What the process exits with.
        meaning: For the table of exit codes.
    """

    exit_code: ClassVar[int]
    meaning: ClassVar[str]

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = message, hint
        super().__init__(message)


class JobsNotDone(OperatorError):
    """Something that was waited for or asked for did not end well."""

    exit_code = 1
    meaning = "A job that was waited for has no result, or a part of what was asked for could not be done."


class NotFound(OperatorError):
    """What was named does not exist."""

    exit_code = 3
    meaning = "There is no such stack, job or watermark."


class NotPossible(OperatorError):
    """What was named exists, but not in a state that allows this."""

    exit_code = 4
    meaning = "The job is not in a state that allows this."


class AccountRefused(OperatorError):
    """Credentials, region or permissions."""

    exit_code = 5
    meaning = "The account refuses: no credentials, no region, or not the right to do this."


class AccountUnreachable(OperatorError):
    """The account does not answer as it should."""

    exit_code = 6
    meaning = "The account does not answer, or not as it should."


class FileUnusable(OperatorError):
    """A file of this machine."""

    exit_code = 7
    meaning = "A file of this machine cannot be used, read or written."


class Unhealthy(OperatorError):
    """The pipeline cannot work as it is."""

    exit_code = 8
    meaning = "`videobatch doctor` has found something wrong."


_NO_IDENTITY = (
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.CredentialRetrievalError,
    aws.ProfileNotFound,
    aws.NoRegionError,
    aws.InvalidRegionError,
    aws.TokenRetrievalError,
    aws.UnauthorizedSSOTokenError,
    aws.SSOTokenLoadError,
)
_REFUSALS = (
    "403",
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
)
_CREDENTIALS_HINT = "Check the shell's AWS_… variables, or give --profile and --region; see videobatch doctor."
_REACH_HINT = "Check the network and AWS_ENDPOINT_URL; see videobatch doctor."


def explain(error: Exception) -> OperatorError | None:
    """Return an error of the SDK or the file system in our words, or None for what is no such error."""
    if isinstance(error, OperatorError):
        return error
    if isinstance(error, Boto3Error) and isinstance(error.__context__, Exception):  # a transfer hides the reason
        return explain(error.__context__)
    if isinstance(error, _NO_IDENTITY):
        return AccountRefused(_sentence(str(error)), _CREDENTIALS_HINT)
    if isinstance(error, ClientError):
        return _of_answer(error)
    if isinstance(error, BotoCoreError | Boto3Error):
        return AccountUnreachable(_sentence(str(error)), _REACH_HINT)
    if isinstance(error, OSError) and error.strerror:  # without a name if it was written to when the disk was full
        named = f"{error.filename}: " if error.filename else ""
        return FileUnusable(f"{named}{error.strerror}.", "Correct the path, what may be done with it, or make room.")
    return None


def explain_half_done(error: BotoCoreError | ClientError, done: str, hint: str) -> OperatorError:
    """Return an error of the SDK behind a sentence that says what was done before it, and a hint what to do now."""
    explained = explain(error)
    assert explained is not None  # noqa: S101 - for the type checker: these are what it explains
    return type(explained)(f"{done}: {explained.message}", hint)


def _of_answer(error: ClientError) -> OperatorError:
    answer = error.response.get("Error", {})
    code, message = str(answer.get("Code", "")), str(answer.get("Message", ""))
    told = _sentence(f"{error.operation_name} was refused: {code}: {message}" if message else f"{code}")
    if code in _REFUSALS:
        return AccountRefused(told, _CREDENTIALS_HINT)
    return AccountUnreachable(told, "If it is not about what was asked for, try again; see videobatch doctor.")


def _sentence(text: str) -> str:
    line = " ".join(text.split())
    return line if line.endswith((".", "!", "?")) else f"{line}."


def exit_code_table() -> str:
    """Return the exit codes as a Markdown table."""
    lines = ["| exit | meaning |", "| --- | --- |", "| 0 | Done. |"]
    own = {error.exit_code: error.meaning for error in OperatorError.__subclasses__()}
    own[USAGE_EXIT_CODE] = "The command line makes no sense; its help says what does."
    lines += [f"| {code} | {meaning} |" for code, meaning in sorted(own.items())]
    lines += [
        "| 10–69 | What the job would end with, found before anything was uploaded: the worker's own codes. |",
        f"| 129, {INTERRUPTED_EXIT_CODE}, 143 | Stopped: its terminal was closed, by Ctrl-C, by SIGTERM. |",
    ]
    return "\n".join(lines)
