"""Everything that can go wrong with a job, as one tree.

    WatermarkError
    ├── PermanentError                the same input fails the same way again: never retried, exit codes 10–39
    │   ├── ConfigurationInvalid      CONFIGURATION_INVALID
    │   ├── NoVideoStream             NO_VIDEO_STREAM
    │   ├── CorruptInput              CORRUPT_INPUT
    │   ├── UnsupportedInput          UNSUPPORTED_INPUT
    │   ├── WatermarkNotFound         WATERMARK_NOT_FOUND
    │   ├── WatermarkInvalid          WATERMARK_INVALID
    │   ├── SourceGone                SOURCE_GONE
    │   ├── AccessDenied              ACCESS_DENIED
    │   ├── EncodeFailed              ENCODE_FAILED
    │   ├── OutputMismatch            OUTPUT_MISMATCH
    │   ├── Cancelled                 CANCELLED
    │   ├── InternalError             INTERNAL_ERROR
    │   └── TaskTooSmall              … in a task of this size; in a larger one it may succeed: exit codes 20–29
    │       ├── OutOfMemory           OUT_OF_MEMORY
    │       ├── InsufficientMemory    INSUFFICIENT_MEMORY
    │       └── InsufficientCpu       INSUFFICIENT_CPU
    └── TransientError                another attempt may succeed: retryable, exit codes 40–69
        ├── DiskFull                  DISK_FULL
        ├── StorageUnavailable        STORAGE_UNAVAILABLE
        ├── StepTimeout               TIMEOUT
        └── Interrupted               INTERRUPTED

`python -m worker.errors` prints the table of the README.
"""

from collections.abc import Iterator
from typing import ClassVar


class WatermarkError(Exception):
    """Base of all errors of a job.

    Attributes:
        code: Stable name, for machines and for searching.
        exit_code: What the process exits with.
        retryable: Whether another attempt at the same job may succeed.
        message: One sentence on what happened; the class has the general one, an instance the particular one.
        hint: One sentence on what to do; a transient error's is true of the last attempt too.
        file_hint: The class's, for work on files of this machine, where its `hint` speaks of uploads and tasks.
    """

    code: ClassVar[str]
    exit_code: ClassVar[int]
    retryable: ClassVar[bool]
    message: str
    hint: str
    file_hint: ClassVar[str | None] = None

    def __init__(self, message: str | None = None, hint: str | None = None) -> None:
        self.message = message or type(self).message
        self.hint = hint or type(self).hint
        super().__init__(self.message)

    def hint_for_files(self) -> str:
        """Return what to do where files of this machine were worked on, without any upload or task."""
        is_particular = self.hint != type(self).hint
        return self.hint if is_particular else self.file_hint or self.hint

    def as_record(self) -> dict[str, str | bool | int]:
        """Return the `error` field of a job record."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "retryable": self.retryable}


class PermanentError(WatermarkError):
    """The same job would fail in the same way again."""

    retryable = False


class TransientError(WatermarkError):
    """Nothing is wrong with the job itself."""

    retryable = True


class ConfigurationInvalid(PermanentError):
    """An environment variable or an argument is missing or makes no sense."""

    code = "CONFIGURATION_INVALID"
    exit_code = 10
    message = "A setting of the worker is missing or invalid."
    hint = "Correct the environment of the task definition or the arguments of the command."


class NoVideoStream(PermanentError):
    """The file is sound but holds no moving picture."""

    code = "NO_VIDEO_STREAM"
    exit_code = 11
    message = "The file has no video stream."
    hint = "Use a file with a picture: a watermark has nowhere to go in sound alone."


class CorruptInput(PermanentError):
    """The file is not what its name says, is truncated, or is damaged."""

    code = "CORRUPT_INPUT"
    exit_code = 12
    message = "The file is damaged, incomplete or no video at all."
    hint = "Check that it plays to its end on your side, then upload it again."
    file_hint = "Check that it plays to its end, or use a copy of it that does."


class UnsupportedInput(PermanentError):
    """The file is sound, but this engine does not handle its kind."""

    code = "UNSUPPORTED_INPUT"
    exit_code = 13
    message = "The video is of a kind that this engine does not handle."
    hint = "Convert it to H.264 or HEVC in an MP4 file, at most 8K in size."


class WatermarkNotFound(PermanentError):
    """Neither the upload's metadata nor its folder nor the default leads to a watermark that exists."""

    code = "WATERMARK_NOT_FOUND"
    exit_code = 14
    message = "There is no watermark for this upload."
    hint = "Put default.png or default.json under the watermark prefix, or correct the name in the upload's metadata."


class WatermarkInvalid(PermanentError):
    """The watermark's JSON breaks the model, or its image is broken, monstrous or of another format."""

    code = "WATERMARK_INVALID"
    exit_code = 15
    message = "The watermark cannot be used."
    hint = "Correct the watermark file; the README describes every setting."


class SourceGone(PermanentError):
    """The uploaded object or the version that the job is about was deleted or replaced."""

    code = "SOURCE_GONE"
    exit_code = 16
    message = "The uploaded video no longer exists."
    hint = "Upload it again if it is still wanted."


class AccessDenied(PermanentError):
    """S3 refuses the task role. Policies do not mend themselves between two attempts."""

    code = "ACCESS_DENIED"
    exit_code = 17
    message = "The worker is not allowed to read or write an object."
    hint = "Compare the task role's policy with the prefixes of the bucket, then upload the video again."


class EncodeFailed(PermanentError):
    """The engine failed or crashed on this input."""

    code = "ENCODE_FAILED"
    exit_code = 18
    message = "The video could not be encoded."
    hint = "The log has the engine's last lines; please report them with the video if it plays elsewhere."
    file_hint = "Please report it with the lines above, and with the video if it plays elsewhere."


class OutputMismatch(PermanentError):
    """The encoded file is not the same video as its source, and was not published."""

    code = "OUTPUT_MISMATCH"
    exit_code = 19
    message = "The encoded video differs from its source in length, frames or streams and was thrown away."
    hint = "Please report it with the video: this is a defect of the engine."


class Cancelled(PermanentError):
    """An operator has ended the job: the error is in its record before the worker hears of it. No worker raises it."""

    code = "CANCELLED"
    exit_code = 30
    message = "The job was cancelled."
    hint = "Retry the job or upload the video again if it is wanted after all."


class InternalError(PermanentError):
    """A defect of the worker: anything it did not foresee. Never retried, since it may have done half of something."""

    code = "INTERNAL_ERROR"
    exit_code = 39
    message = "The worker failed in a way it did not foresee."
    hint = "The log has the traceback; please report it."
    file_hint = "Please report it with the lines above."


class TaskTooSmall(PermanentError):
    """The same job would fail in the same way again in a task of the same size. A larger one may do it.

    Attributes:
        memory_mb: What the whole task should have, in MB as ECS counts them: 1,048,576 bytes; None if nobody knows.
    """

    def __init__(self, message: str | None = None, hint: str | None = None, memory_mb: int | None = None) -> None:
        super().__init__(message, hint)
        self.memory_mb = memory_mb

    def as_record(self) -> dict[str, str | bool | int]:
        """Return the `error` field of a job record, from which the state machine reads what size to take."""
        record = super().as_record()
        return record if self.memory_mb is None else record | {"memory_mb": self.memory_mb}


class OutOfMemory(TaskTooSmall):
    """The engine needed more memory than the task has, and was killed."""

    code = "OUT_OF_MEMORY"
    exit_code = 20
    message = "The task ran out of memory."
    hint = "Allow the pipeline larger tasks (MaxTaskMemory), or give the worker more memory: up to 9 GB for 8K."
    file_hint = "End other programs, or raise the limit that this one runs under: up to 9 GB for 8K."


class InsufficientMemory(TaskTooSmall):
    """The engine would need more memory than the task has; nothing was encoded."""

    code = "INSUFFICIENT_MEMORY"
    exit_code = 21
    message = "The task has too little memory for this video."
    hint = "Allow the pipeline larger tasks (MaxTaskMemory), or give the worker as much memory as the message says."
    file_hint = "Run it where there is as much memory as the message says, or raise the limit that it runs under."


class InsufficientCpu(TaskTooSmall):
    """The engine would need longer than an attempt may take; nothing was encoded, and a larger task is allowed."""

    code = "INSUFFICIENT_CPU"
    exit_code = 22
    message = "The task has too little CPU to be done with this video in time."
    hint = "The pipeline moves it to a larger task; without one, raise TaskTimeoutSeconds and upload the video again."


class DiskFull(TransientError):
    """No room for the video and its result.

    Retryable, because the disk may be shared with other tasks and another attempt gets a fresh one on Fargate.
    """

    code = "DISK_FULL"
    exit_code = 40
    message = "There is not enough disk space for the video and its result."
    hint = (
        "Give the task more ephemeral storage (some three times the video's size), or wait for other tasks to end; "
        "upload the video again if the job has failed for good."
    )
    file_hint = "Make room where the output goes; it may take one and a half times the size of the video."


class StorageUnavailable(TransientError):
    """S3 did not answer, answered with an error of its own, or broke off in the middle."""

    code = "STORAGE_UNAVAILABLE"
    exit_code = 41
    message = "S3 did not answer as it should."
    hint = "It usually passes, and a job is tried several times; upload the video again if it has failed for good."


class StepTimeout(TransientError):
    """A step made no progress for too long, or the whole job took too long. A starved machine looks like both."""

    code = "TIMEOUT"
    exit_code = 42
    message = "A step made no progress, or the whole job took too long, and was stopped."
    hint = "A job is tried several times; if it has failed for good, give the task more CPU and upload the video again."
    file_hint = "Start it again when this machine has less to do."


class Interrupted(TransientError):
    """SIGTERM: the task was stopped, by someone, a deployment or Spot capacity."""

    code = "INTERRUPTED"
    exit_code = 43
    message = "The task was stopped before the job was done."
    hint = (
        "A job is tried several times, even if its task was stopped on purpose; "
        "upload the video again if it has failed for good."
    )
    file_hint = "Start it again when you like."


def all_errors() -> Iterator[type[WatermarkError]]:
    """Yield each concrete error class, permanent ones first, by exit code."""
    groups = (PermanentError, TaskTooSmall, TransientError)
    classes = {error for group in groups for error in group.__subclasses__()} - set(groups)
    yield from sorted(classes, key=lambda error: error.exit_code)


def from_code(
    code: str, message: str | None = None, hint: str | None = None, memory_mb: int | None = None
) -> WatermarkError:
    """Return the error of this code; an unknown code gives an InternalError that names it."""
    for error in all_errors():
        if error.code == code:
            return error(message, hint, memory_mb) if issubclass(error, TaskTooSmall) else error(message, hint)
    return InternalError(f"Unknown error code {code}: {message}", hint)


def markdown_table() -> str:
    """Return the errors as a Markdown table with a line for each."""
    lines = ["| code | exit | retried | what happened | what to do |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| `{kind.code}` | {kind.exit_code} | {'yes' if kind.retryable else 'no'} | {kind.message} | {kind.hint} |"
        for kind in all_errors()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown_table())
